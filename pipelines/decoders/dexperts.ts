import * as z from 'zod'
import { combineLogits } from '../../operators/combineLogits.js'
import { sampleTemperature, sampleTemperatureOptions } from '../../operators/sampleTemperature.js'
import { topP, topPOptions } from '../../operators/topP.js'
import { fp32Number } from '../../src/core/fp32Number.js'
import { lmNamed } from '../../src/core/registryEntry.js'
import type { Decoder } from '../../src/core/step.js'
import { steps } from '../decoding/steps.js'
import { withOptions } from '../decoding/withOptions.js'

export const dexpertsOptions = z.strictObject({
  p: topPOptions.shape.p.default(0.9).describe('a number above 0 and at most 1'),
  scale: fp32Number.default(2).describe('a finite number'),
  temperature: sampleTemperatureOptions.shape.temperature,
})
export type DexpertsOptions = Readonly<{
  /** Probability mass of the tokens to keep (0.9). */
  p?: number | undefined
  /** How strongly expert and anti-expert count (2). */
  scale?: number | undefined
  /** Divides the scores before sampling (1). */
  temperature?: number | undefined
}>

/**
 * DExperts: samples from the language model's nucleus by `logit + scale * (expert − antiexpert)`, with the logits of two more language
 * models, `expert` and `antiexpert`.
 *
 * @see DExperts: Decoding-Time Controlled Text Generation with Experts and Anti-Experts (Liu et al., 2021), Eq. 1
 */
// biome-ignore format: one operator a line
export const dexperts = withOptions<DexpertsOptions, Decoder>('dexperts', dexpertsOptions, ({ p, scale, temperature }) => (models) => steps(
  topP({ p }),
  combineLogits({ lm: lmNamed('expert', models), factor: scale }),
  combineLogits({ lm: lmNamed('antiexpert', models), factor: -scale }),
  sampleTemperature({ temperature }),
))
