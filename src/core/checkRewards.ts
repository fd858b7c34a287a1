import { RewardError } from './errors.js'

/** The input of a reward: the token ids of a step's candidates, or a number of texts. */
export type RewardInput = Readonly<{ candidates: Int32Array } | { texts: number }>

/**
 * Checks the output of a reward. Plain JavaScript may return anything, whatever the type says.
 *
 * @throws RewardError unless it is one finite number per candidate or text
 */
export function checkRewards(name: string, output: unknown, input: RewardInput): Float32Array {
  const isText = 'texts' in input
  const count = isText ? input.texts : input.candidates.length
  const inputs = isText ? 'texts' : 'candidates'
  if (!Array.isArray(output) && !(output instanceof Float32Array) && !(output instanceof Float64Array))
    throw new RewardError(`Reward \`${name}\` gave ${quote(output)}; expected an array of ${count} numbers`)
  if (output.length !== count) throw new RewardError(`Reward \`${name}\` gave ${output.length} numbers for ${count} ${inputs}`)
  const bad = output.findIndex((value: unknown) => typeof value !== 'number' || !Number.isFinite(Math.fround(value)))
  if (bad === -1) return output instanceof Float32Array ? output : Float32Array.from(output)
  const place = isText ? `text ${bad}` : `candidate ${bad} (token ${input.candidates[bad]})`
  throw new RewardError(`Reward \`${name}\` gave ${quote(output[bad])} for ${place}; expected a finite number`)
}

const quote = (value: unknown): string => `\`${String(value)}\` (${typeof value})`
