import type * as z from 'zod'
import { parseOptions } from '../src/core/parseOptions.js'
import type { Search } from './perToken.js'
import { beam, beamOptions } from './searches/beam.js'
import { bestOfN, bestOfNOptions } from './searches/bestOfN.js'
import { blockBestOfN, blockBestOfNOptions } from './searches/blockBestOfN.js'
import { cards, cardsOptions } from './searches/cards.js'
import { rollout, rolloutOptions } from './searches/rollout.js'

/** A search over whole replies by name: the schema of its options (defaults included), and how it is made. */
export type RegisteredSearch = Readonly<{ about: string; options: z.ZodObject; make: (options: unknown) => Search }>

const entry = <T extends z.ZodObject>(about: string, options: T, make: (options: z.output<T>) => Search): RegisteredSearch => ({
  ...{ about, options },
  make: (given) => make(parseOptions(options, given)),
})

/** The searches under the names of the command line, where they stand beside the decoders. */
export const searches: Readonly<Record<string, RegisteredSearch>> = {
  'best-of-n': entry('of n replies by top-k sampling the one with the highest reward', bestOfNOptions, bestOfN),
  'block-best-of-n': entry(
    'the same block by block: n blocks by top-k sampling, the best is kept',
    blockBestOfNOptions,
    blockBestOfN,
  ),
  rollout: entry('the token with the highest logit + weight * reward after greedy tokens', rolloutOptions, rollout),
  cards: entry('segments cut where the model is unsure, accepted by their reward', cardsOptions, cards),
  beam: entry('the likeliest of the replies that beam search finds', beamOptions, beam),
}
