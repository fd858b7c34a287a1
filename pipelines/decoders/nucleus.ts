import * as z from 'zod'
import { sampleTemperature } from '../../operators/sampleTemperature.js'
import { temperature as divide, temperatureOptions } from '../../operators/temperature.js'
import { topP, topPOptions } from '../../operators/topP.js'
import type { Decoder } from '../../src/core/step.js'
import { steps } from '../decoding/steps.js'
import { withOptions } from '../decoding/withOptions.js'

export const nucleusOptions = z.strictObject({
  p: topPOptions.shape.p.default(0.95).describe('a number above 0 and at most 1'),
  temperature: temperatureOptions.shape.temperature.default(1).describe('a finite number > 0'),
})
export type NucleusOptions = Readonly<{
  /** Probability mass of the tokens to keep (0.95). */
  p?: number | undefined
  /** Divides the logits before the nucleus is taken (1). */
  temperature?: number | undefined
}>

/**
 * Nucleus sampling: divides by the temperature, keeps the fewest tokens whose probabilities reach p, and samples among them.
 *
 * @see The Curious Case of Neural Text Degeneration (Holtzman et al., 2020)
 */
// biome-ignore format: one operator a line
export const nucleus = withOptions<NucleusOptions, Decoder>('nucleus', nucleusOptions, ({ p, temperature }) => () => steps(
  divide({ temperature }),
  topP({ p }),
  sampleTemperature(),
))
