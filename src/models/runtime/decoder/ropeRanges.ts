import type { ModelAnswer, ModelCall } from '../call.js'

/** Length of a call's longest sequence, now or as `expected`. */
const longestOf = ({ tokenIds, branches, expected = 0 }: ModelCall): number =>
  Math.max(expected, tokenIds.length + Math.max(0, ...branches.map(({ length }) => length)))

/** Whether a call uses the positions of long sequences. */
export const isLong = (call: ModelCall, longAfter: number | undefined): boolean =>
  longAfter !== undefined && longestOf(call) > longAfter

/**
 * Splits a call if some branches stay short and others become long. The two have different rotations, for all tokens before them too, so each kind
 * needs its own call.
 */
export function splitByLength(call: ModelCall, longAfter: number | undefined): ModelCall[] {
  const { tokenIds, branches } = call
  if (longAfter === undefined || tokenIds.length > longAfter) return [call]
  const room = longAfter - tokenIds.length
  const kinds = [branches.filter(({ length }) => length <= room), branches.filter(({ length }) => length > room)]
  return kinds.every(({ length }) => length > 0) ? kinds.map((some) => ({ ...call, branches: some })) : [call]
}

/** Joins the answers of a split call in the order of its branches. */
export function joinByLength(call: ModelCall, [short, long]: readonly ModelAnswer[], longAfter: number): ModelAnswer {
  const { tokenIds, branches } = call
  const width = short!.values.length / branches.filter(({ length }) => tokenIds.length + length <= longAfter).length
  const values = new Float32Array(branches.length * width)
  const read = { short: 0, long: 0 }
  branches.forEach(({ length }, branch) => {
    const [kind, from] = tokenIds.length + length <= longAfter ? (['short', short!] as const) : (['long', long!] as const)
    values.set(from.values.subarray(read[kind], read[kind] + width), branch * width)
    read[kind] += width
  })
  return { values }
}
