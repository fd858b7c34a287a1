import type { Side } from '../state/request.js'
import type { PageSettings, RewardSetting } from '../state/settings.js'

/** What a reply is called. */
export function titleOf(side: Side, { decoder }: PageSettings): string {
  if (side === 'greedy') return 'Greedy'
  return decoder === 'args' ? 'ARGS' : decoder
}

/** A number of a model with two digits and a real minus sign; a dash where there is none. */
export const figure = (value: number | null | undefined): string =>
  value === null || value === undefined || !Number.isFinite(value) ? '–' : signed(value.toFixed(2))

/** A number as somebody wrote it, such as a weight. */
export const plain = (value: number): string => signed(String(Number(value.toPrecision(6))))

/** The sum that ARGS maximises, in words. */
export const weightedSum = (rewards: readonly RewardSetting[]): string =>
  ['logit', ...rewards.map(({ name, weight }) => `${plain(weight)} × ${rewards.length > 1 ? name : 'reward'}`)].join(' + ')

const signed = (text: string): string => text.replace(/^-/, '−')

/** Text of a token with its spaces and line breaks to be seen. */
export const visible = (text: string): string => text.replaceAll(' ', '␣').replaceAll('\n', '↵').replaceAll('\t', '⇥')
