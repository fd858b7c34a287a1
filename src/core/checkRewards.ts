import { RewardError } from './errors.js'

/** The input of a reward: the token ids of a step's candidates, or a number of texts. */
export type Asked = Readonly<{ candidates: Int32Array } | { texts: number }>

/**
 * Checks the output of a reward. Plain JavaScript may return anything, whatever the type says.
 *
 * @throws RewardError unless it is one finite number per candidate or text
 */
export function checkRewards(name: string, given: unknown, asked: Asked): Float32Array {
  const isText = 'texts' in asked
  const count = isText ? asked.texts : asked.candidates.length
  const inputs = isText ? 'texts' : 'candidates'
  if (!Array.isArray(given) && !(given instanceof Float32Array) && !(given instanceof Float64Array))
    throw new RewardError(`Reward \`${name}\` gave ${quoted(given)}; expected an array of ${count} numbers`)
  if (given.length !== count) throw new RewardError(`Reward \`${name}\` gave ${given.length} numbers for ${count} ${inputs}`)
  const values: readonly unknown[] = Array.from(given)
  const bad = values.findIndex((value) => typeof value !== 'number' || !Number.isFinite(Math.fround(value)))
  if (bad === -1) return given instanceof Float32Array ? given : Float32Array.from(given)
  const input = isText ? `text ${bad}` : `candidate ${bad} (token ${asked.candidates[bad]})`
  throw new RewardError(`Reward \`${name}\` gave ${quoted(values[bad])} for ${input}; expected a finite number`)
}

const quoted = (value: unknown): string => `\`${String(value)}\` (${typeof value})`
