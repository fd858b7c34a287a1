import * as z from 'zod'
import { combineLogits } from '../../operators/combineLogits.js'
import { sampleTemperature, sampleTemperatureOptions } from '../../operators/sampleTemperature.js'
import { topK, topKOptions } from '../../operators/topK.js'
import type { Decoder } from '../../src/core/step.js'
import { steps } from '../decoding/steps.js'
import { withOptions } from '../decoding/withOptions.js'

export const classifierFreeGuidanceOptions = z.strictObject({
  scale: z.number().positive().default(1.5).describe('a finite number > 0'),
  k: topKOptions.shape.k.default(40).describe('an integer >= 1'),
  temperature: sampleTemperatureOptions.shape.temperature,
  p: sampleTemperatureOptions.shape.p,
})
export type ClassifierFreeGuidanceOptions = Readonly<{
  /** How strongly the prompt counts; 1 is no guidance (1.5). */
  scale?: number | undefined
  /** How many of the likeliest tokens become candidates (40). */
  k?: number | undefined
  /** Divides the scores before sampling (1). */
  temperature?: number | undefined
  /** Probability mass to sample from: that of the fewest best candidates that reach it (1). */
  p?: number | undefined
}>

/**
 * Classifier-free guidance: samples from `plain + scale * (prompted − plain)`. `prompted` are the logits with the prompt, `plain` those
 * with only the prompt's last token. For a negative prompt, see `combineLogits`.
 *
 * @see Stay on topic with Classifier-Free Guidance (Sanchez et al., 2023), Eq. 7; transformers UnbatchedClassifierFreeGuidanceLogitsProcessor
 */
// biome-ignore format: one operator a line
export const classifierFreeGuidance = withOptions<ClassifierFreeGuidanceOptions, Decoder>('classifierFreeGuidance', classifierFreeGuidanceOptions, ({ scale, k, temperature, p }) => ({ lm }) => steps(
  combineLogits({ lm, prompt: '', own: scale, factor: 1 - scale }),
  topK({ k }),
  sampleTemperature({ temperature, p }),
))
