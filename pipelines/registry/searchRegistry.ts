import type { Search } from '../decoding/decode.js'
import { beam, beamOptions } from '../searches/beam.js'
import { bestOfN, bestOfNOptions } from '../searches/bestOfN.js'
import { blockBestOfN, blockBestOfNOptions } from '../searches/blockBestOfN.js'
import { cards, cardsOptions } from '../searches/cards.js'
import { rollout, rolloutOptions } from '../searches/rollout.js'
import { entry, makeByName, type Registered } from './entry.js'

/** A search over whole replies by name. */
export type RegisteredSearch = Registered<Search>

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
export const searchByName = (name: string, options: Readonly<Record<string, unknown>> = {}): Search =>
  makeByName('search', name, options, searches)
