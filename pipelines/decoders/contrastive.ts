import * as z from 'zod'
import { degenerationPenalty, degenerationPenaltyOptions } from '../../operators/degenerationPenalty.js'
import { logNormalizer } from '../../operators/logNormalizer.js'
import { selectGreedy } from '../../operators/selectGreedy.js'
import { topK, topKOptions } from '../../operators/topK.js'
import type { Decoder } from '../../src/core/step.js'
import { steps } from '../decoding/steps.js'
import { withOptions } from '../decoding/withOptions.js'

export const contrastiveOptions = z.strictObject({
  k: topKOptions.shape.k.default(8).describe('an integer >= 1'),
  alpha: degenerationPenaltyOptions.shape.alpha,
})
export type ContrastiveOptions = Readonly<{
  /** How many of the likeliest tokens become candidates (8). */
  k?: number | undefined
  /** Weight of the similarity to the context, from 0 to 1 (0.6). */
  alpha?: number | undefined
}>

/**
 * Contrastive search: selects the token with the highest `(1 − alpha) · probability − alpha · similarity` among the k likeliest.
 * `similarity` is the highest cosine between its last hidden state and that of any token of prompt and reply.
 *
 * @see A Contrastive Framework for Neural Text Generation (Su et al., 2022); ARGS (Khanov et al., 2024) compares with k 8, alpha 0.6
 */
// biome-ignore format: one operator a line
export const contrastive = withOptions<ContrastiveOptions, Decoder>('contrastive', contrastiveOptions, ({ k, alpha }) => ({ lm }) => steps(
  logNormalizer(),
  topK({ k }),
  degenerationPenalty({ lm, alpha }),
  selectGreedy(),
))
