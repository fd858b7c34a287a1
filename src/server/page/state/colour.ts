import { extentOf } from './plot.js'
import type { ShownCandidate, ShownReply } from './reply.js'
import type { RewardSetting } from './settings.js'

/** Steps on each side of the middle of the scale. */
export const REACH = 4

/** Rewards of colours: the middle of the scale, and how far it goes to either side. */
export type ColourScale = Readonly<{ middle: number; reach: number }>

/** The reward that colours a token: the only one, or the sum of several by their weights. Undefined where one is missing. */
export function shownReward(
  { rewards }: Pick<ShownCandidate, 'rewards'>,
  weighted: readonly RewardSetting[],
): number | undefined {
  const values = weighted.map(({ name }) => rewards[name] ?? Number.NaN)
  const sum =
    values.length === 1 ? values[0]! : values.reduce((total, value, index) => total + value * weighted[index]!.weight, 0)
  return values.length > 0 && Number.isFinite(sum) ? sum : undefined
}

/** A scale from the lowest to the highest reward of the tokens that are shown, so that both replies share their colours. */
export function colourScale(replies: readonly ShownReply[], weighted: readonly RewardSetting[]): ColourScale {
  const { low, high } = extentOf(replies.flatMap(({ tokens }) => tokens.flatMap((token) => shownReward(token, weighted) ?? [])))
  return { middle: (low + high) / 2, reach: (high - low) / 2 }
}

/** A step of the scale, from -4 (low) to 4 (high). */
export function levelOf(reward: number, { middle, reach }: ColourScale): number {
  return Math.max(-REACH, Math.min(REACH, Math.round(((reward - middle) / reach) * REACH))) + 0
}
