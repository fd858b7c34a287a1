import * as z from 'zod'
import { degenerationPenalty, degenerationPenaltyOptions } from '../../operators/degenerationPenalty.js'
import { logNormalizer } from '../../operators/logNormalizer.js'
import { selectGreedy } from '../../operators/selectGreedy.js'
import { topK, topKOptions } from '../../operators/topK.js'
import type { Decoder } from '../../src/core/step.js'
import { steps } from '../decoding/steps.js'

export const contrastiveOptions = z.strictObject({
  /** Candidates kept. */
  k: topKOptions.shape.k.default(8).describe('an integer >= 1'),
  /** Weight of the likeness to the context. */
  alpha: degenerationPenaltyOptions.shape.alpha,
})
export type ContrastiveOptions = z.input<typeof contrastiveOptions>

/**
 * Contrastive search: of the k likeliest tokens the one with the highest `(1 − alpha) · probability − alpha · likeness`, its likeness to
 * the token of prompt and reply that it is most like, by the cosine of the language model's last hidden states.
 *
 * @see A Contrastive Framework for Neural Text Generation (Su et al., 2022); ARGS (Khanov et al., 2024) compares with k 8, alpha 0.6
 */
// biome-ignore format: one operator a line
export const contrastive = ({ k = 8, alpha = 0.6 }: ContrastiveOptions = {}): Decoder => ({ lm }) => steps(
  logNormalizer(),
  topK({ k }),
  degenerationPenalty({ lm, alpha }),
  selectGreedy(),
)
