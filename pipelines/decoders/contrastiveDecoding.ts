import * as z from 'zod'
import { combineLogits } from '../../operators/combineLogits.js'
import { minP, minPOptions } from '../../operators/minP.js'
import { selectGreedy } from '../../operators/selectGreedy.js'
import { topP } from '../../operators/topP.js'
import { lmNamed } from '../../src/core/registryEntry.js'
import type { Decoder } from '../../src/core/step.js'
import { steps } from '../decoding/steps.js'
import { withOptions } from '../decoding/withOptions.js'

export const contrastiveDecodingOptions = z.strictObject({
  p: minPOptions.shape.p.default(0.1).describe('a number above 0 and at most 1'),
})
export type ContrastiveDecodingOptions = Readonly<{
  /** Smallest probability to keep, as a share of the highest one (0.1). */
  p?: number | undefined
}>

/**
 * Contrastive decoding with one beam. It considers the tokens at least `p` (the paper's alpha) times as likely as the likeliest, and
 * selects the one whose log-probability exceeds that of a weaker language model, `amateur`, the most.
 *
 * @see Contrastive Decoding: Open-ended Text Generation as Optimization (Li et al., 2023), Eq. 2 and 3
 */
// biome-ignore format: one operator a line
export const contrastiveDecoding = withOptions<ContrastiveDecodingOptions, Decoder>('contrastiveDecoding', contrastiveDecodingOptions, ({ p }) => (models) => steps(
  minP({ p }),
  topP({ p: 1 }),
  combineLogits({ lm: lmNamed('amateur', models), factor: -1 }),
  selectGreedy(),
))
