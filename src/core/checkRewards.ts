import { RewardError } from './errors.js'

/** What a reward was asked about: the candidates of a step by their token ids, or so many texts. */
export type Asked = Readonly<{ candidates: Int32Array } | { texts: number }>

/**
 * Checks what a reward gave. It may come from plain JavaScript, whatever its type says.
 *
 * @throws RewardError unless it is one finite number for each candidate or text
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
