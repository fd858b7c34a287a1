import type { ModelAnswer, ModelCall } from '../call.js'

/** Tokens of the longest sequence that a call asks about, or is known to come to. */
const longestOf = ({ tokenIds, branches, expected = 0 }: ModelCall): number =>
  Math.max(expected, tokenIds.length + Math.max(0, ...branches.map(({ length }) => length)))

/** Whether a call's sequences have the positions of long ones. */
export const isLong = (call: ModelCall, longAfter: number | undefined): boolean =>
  longAfter !== undefined && longestOf(call) > longAfter

/**
 * A call as one or two: branches that stay short and those that become long are rotated by different angles, all tokens before them
 * included, so that each kind is a call of its own.
 */
export function splitByLength(call: ModelCall, longAfter: number | undefined): ModelCall[] {
  const { tokenIds, branches } = call
  if (longAfter === undefined || tokenIds.length > longAfter) return [call]
  const room = longAfter - tokenIds.length
  const kinds = [branches.filter(({ length }) => length <= room), branches.filter(({ length }) => length > room)]
  return kinds.every(({ length }) => length > 0) ? kinds.map((some) => ({ ...call, branches: some })) : [call]
}

/** One reading of the branches of a split call, in their own order. */
export function joinedByLength(call: ModelCall, [short, long]: readonly ModelAnswer[], longAfter: number): ModelAnswer {
  const { tokenIds, branches } = call
  const width = short!.values.length / branches.filter(({ length }) => tokenIds.length + length <= longAfter).length
  const values = new Float32Array(branches.length * width)
  const taken = { short: 0, long: 0 }
  branches.forEach(({ length }, branch) => {
    const [kind, from] = tokenIds.length + length <= longAfter ? (['short', short!] as const) : (['long', long!] as const)
    values.set(from.values.subarray(taken[kind], taken[kind] + width), branch * width)
    taken[kind] += width
  })
  return { values }
}
