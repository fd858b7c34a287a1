import type { Candidate, Reply } from './reply.js'
import type { RewardSetting } from './settings.js'

/** Steps on each side of the middle of the scale. */
export const REACH = 4

/** Rewards of colours: the middle of the scale, and how far it goes to either side. */
export type ColourScale = Readonly<{ middle: number; reach: number }>

/** The reward that colours a token: the only one, or the sum of several by their weights. Undefined where one is missing. */
export function shownReward({ rewards }: Pick<Candidate, 'rewards'>, weighted: readonly RewardSetting[]): number | undefined {
  const values = weighted.map(({ name }) => rewards[name] ?? Number.NaN)
  const sum =
    values.length === 1 ? values[0]! : values.reduce((total, value, index) => total + value * weighted[index]!.weight, 0)
  return values.length > 0 && Number.isFinite(sum) ? sum : undefined
}

/** A scale around the median of the tokens that are shown, so that both replies share their colours. */
export function colourScale(replies: readonly Reply[], weighted: readonly RewardSetting[]): ColourScale {
  const values = replies
    .flatMap(({ tokens }) => tokens.flatMap((token) => shownReward(token, weighted) ?? []))
    .sort((one, other) => one - other)
  if (values.length === 0) return { middle: 0, reach: 1 }
  const middle = (values[Math.floor((values.length - 1) / 2)]! + values[Math.ceil((values.length - 1) / 2)]!) / 2
  return { middle, reach: Math.max(values.at(-1)! - middle, middle - values[0]!) || 1 }
}

/** A step of the scale, from -4 (low) to 4 (high). */
export function levelOf(reward: number, { middle, reach }: ColourScale): number {
  return Math.max(-REACH, Math.min(REACH, Math.round(((reward - middle) / reach) * REACH))) + 0
}
