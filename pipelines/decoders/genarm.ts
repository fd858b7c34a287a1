import * as z from 'zod'
import { batchReward } from '../../operators/batchReward.js'
import { combineScore } from '../../operators/combineScore.js'
import { sampleTemperature, sampleTemperatureOptions } from '../../operators/sampleTemperature.js'
import { topP, topPOptions } from '../../operators/topP.js'
import { OptionError } from '../../src/core/errors.js'
import type { Decoder, DecoderModels } from '../../src/core/step.js'
import { perReward, type Weight, type Weighted, weighted, weightOption } from '../decoding/perReward.js'
import { steps } from '../decoding/steps.js'
import { withOptions } from '../decoding/withOptions.js'

export const genarmOptions = z.strictObject({
  weight: weightOption.default(1).describe('a finite number, or finite numbers by reward name'),
  p: topPOptions.shape.p.default(1).describe('a number above 0 and at most 1'),
  temperature: sampleTemperatureOptions.shape.temperature,
})
export type GenarmOptions = Readonly<{
  /** Weight of the first reward, or weights by reward name (1). */
  weight?: Weight | undefined
  /** Probability mass of the tokens to keep (1). */
  p?: number | undefined
  /** Divides the scores before sampling (1). */
  temperature?: number | undefined
}>

/**
 * GenARM: samples from the language model's distribution times those of autoregressive reward models, `lm · Π reward^weight`, over the
 * whole vocabulary: `softmax(logit + Σ weight · logprob)`. `weight` is the paper's 1/beta, or its alpha_i with several rewards. Rewards
 * without a weight get 1; rewards with weight 0 are not computed.
 *
 * Only `p` 1 is the paper's distribution; a lower `p` first keeps the language model's nucleus. `argsStochastic` at temperature 1 does the
 * same among the k likeliest tokens. `topP` and `combineLogits` with the reward model as a language model decode the same tokens, without
 * rewards in the rows.
 *
 * - errors: `OptionError`, once the models are there, for a weighted reward that is not autoregressive (has no vocabulary head)
 *
 * @see GenARM: Reward Guided Generation with Autoregressive Reward Model for Test-time Alignment (Xu et al., 2025),
 *   log π_decode(y_t) = −log Z + log π_base(y_t) + 1/beta · log π_r(y_t), and its multi-objective form
 */
// biome-ignore format: one operator a line
export const genarm = withOptions<GenarmOptions, Decoder>('genarm', genarmOptions, ({ weight, p, temperature }) => (models) => steps(
  topP({ p }),
  perReward(autoregressive(models, weight), ({ reward, weight }) => [
    batchReward({ reward }),
    combineScore({ weight, reward: reward.name }),
  ]),
  sampleTemperature({ temperature }),
))

function autoregressive(models: DecoderModels, weight: Weight): Weighted[] {
  const all = weighted(models, weight, 1).filter((one) => one.weight !== 0)
  const other = all.find(({ reward }) => reward.unit !== 'logprob')
  if (other === undefined) return all
  throw new OptionError(
    `Expected reward \`${other.reward.name}\` to be autoregressive (a language model) or to have weight 0; it has another head`,
  )
}
