import type * as z from 'zod'
import { OptionError } from '../../src/core/errors.js'
import { didYouMean } from '../../src/core/nearest.js'
import { parseOptions } from '../../src/core/parseOptions.js'
import type { Search } from '../decoding/perToken.js'
import { beam, beamOptions } from '../searches/beam.js'
import { bestOfN, bestOfNOptions } from '../searches/bestOfN.js'
import { blockBestOfN, blockBestOfNOptions } from '../searches/blockBestOfN.js'
import { cards, cardsOptions } from '../searches/cards.js'
import { rollout, rolloutOptions } from '../searches/rollout.js'

/** A search over whole replies by name: the schema of its options (defaults included), what it needs, and how it is made. */
export type RegisteredSearch = Readonly<{
  about: string
  options: z.ZodObject
  /** Whether it cannot search without a reward. */
  needsReward: boolean
  make: (options: unknown) => Search
}>

const entry = <T extends z.ZodObject>(
  about: string,
  options: T,
  needsReward: boolean,
  make: (options: z.output<T>) => Search,
): RegisteredSearch => ({
  ...{ about, options, needsReward },
  make: (given) => make(parseOptions(options, given)),
})

/** The searches under the names of the command line, where they stand beside the decoders. */
export const searches: Readonly<Record<string, RegisteredSearch>> = {
  'best-of-n': entry('of n replies by top-k sampling the one with the highest reward', bestOfNOptions, true, bestOfN),
  'block-best-of-n': entry(
    'the same block by block: n blocks by top-k sampling, the best is kept',
    blockBestOfNOptions,
    true,
    blockBestOfN,
  ),
  rollout: entry('the token with the highest logit + weight * reward after greedy tokens', rolloutOptions, true, rollout),
  cards: entry('segments cut where the model is unsure, accepted by their reward', cardsOptions, true, cards),
  beam: entry('the likeliest of the replies that beam search finds', beamOptions, false, beam),
}

/**
 * A search by its name, with its options by theirs.
 *
 * @throws OptionError for an unknown name, an option that the search does not take, and one that may not be
 * @example searchByName('rollout', { k: 10, rolloutTokens: 8 })
 */
export function searchByName(name: string, options: Readonly<Record<string, unknown>> = {}): Search {
  const names = Object.keys(searches)
  if (!names.includes(name))
    throw new OptionError(`Expected a search, one of ${names.join(', ')}, got \`${name}\`${didYouMean(name, names)}`)
  const { options: schema, make } = searches[name]!
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const taken = Object.keys(schema.shape)
  const foreign = Object.keys(given).find((option) => !taken.includes(option))
  if (foreign !== undefined)
    throw new OptionError(`Search \`${name}\` takes no option \`${foreign}\`; it takes ${taken.join(', ')}`)
  return make(given)
}
