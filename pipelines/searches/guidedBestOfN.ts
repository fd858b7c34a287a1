import { type ArgsStochasticOptions, argsStochastic, argsStochasticOptions } from '../decoders/argsStochastic.js'
import type { Search } from '../decoding/decode.js'
import { withOptions } from '../decoding/withOptions.js'
import { bestOfNOptions, bestReply } from './bestOfN.js'

export const guidedBestOfNOptions = argsStochasticOptions.extend({ n: bestOfNOptions.shape.n })
export type GuidedBestOfNOptions = ArgsStochasticOptions &
  Readonly<{
    /** How many replies to sample (8). */
    n?: number | undefined
  }>

/**
 * Guided best of n: samples n replies by ARGS-stochastic and keeps the one with the highest reward of prompt and reply, as `bestOfN` does. The
 * weight steers each token, and the first reward chooses the reply. The replies equal those of `argsStochastic` with `samples: n`.
 *
 * @see ARGS: Alignment as Reward-Guided Search (Khanov et al., 2024), section 3; Learning to summarize from human feedback (Stiennon et al.,
 *   2020), section 4.3
 */
export const guidedBestOfN = withOptions<GuidedBestOfNOptions, Search>(
  'guidedBestOfN',
  guidedBestOfNOptions,
  ({ n, ...sampling }) => bestReply({ name: 'guided-best-of-n', options: { ...sampling, n } }, argsStochastic(sampling), n),
)
