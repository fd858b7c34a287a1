import type { Search } from '../decoding/decode.js'
import { beam, beamOptions } from '../searches/beam.js'
import { bestOfN, bestOfNOptions } from '../searches/bestOfN.js'
import { blockBestOfN, blockBestOfNOptions } from '../searches/blockBestOfN.js'
import { cards, cardsOptions } from '../searches/cards.js'
import { guidedBestOfN, guidedBestOfNOptions } from '../searches/guidedBestOfN.js'
import { rollout, rolloutOptions } from '../searches/rollout.js'
import { entry, makeByName, type Registered } from './entry.js'

/** A registered search over whole replies. */
export type RegisteredSearch = Registered<Search>

/** The searches by their names on the command line, next to the decoders. */
export const searches: Readonly<Record<string, RegisteredSearch>> = {
  'best-of-n': entry('samples n replies and selects the one with the highest reward', bestOfNOptions, true, bestOfN),
  'guided-best-of-n': entry(
    'samples n replies by args-stochastic and selects the one with the highest reward',
    guidedBestOfNOptions,
    true,
    guidedBestOfN,
  ),
  'block-best-of-n': entry('samples n blocks at a time and keeps the best', blockBestOfNOptions, true, blockBestOfN),
  rollout: entry('selects the highest logit + weight * reward, read after greedy tokens', rolloutOptions, true, rollout),
  cards: entry('samples segments and accepts them by their reward', cardsOptions, true, cards),
  beam: entry('finds the likeliest reply by beam search', beamOptions, false, beam),
}

/**
 * Makes a search from its name and options.
 *
 * @throws OptionError for an unknown name, and an unknown or invalid option
 * @example searchByName('rollout', { k: 10, rolloutTokens: 8 })
 */
export const searchByName = (name: string, options: Readonly<Record<string, unknown>> = {}): Search =>
  makeByName('search', name, options, searches)
