import type { ModelAnswer, ModelCall } from '../call.js'
import type { PackedResults } from './protocol.js'

/** Count of numbers before a call's lists: key, decode, top, expected, from, states, and the lengths of the lists. */
const HEAD = 10

/** Packs the calls of a batch into one array. Copying many small arrays between threads takes longer than running some models. */
export function packCalls(calls: readonly ModelCall[]): Int32Array {
  const packed: number[] = []
  for (const { key, tokenIds, typeIds, pick, branches, decode, ...call } of calls) {
    const { top = ABSENT, expected = ABSENT, from = ABSENT, states = ABSENT } = call
    packed.push(key, decode ? 1 : 0, top, expected, from, states)
    packed.push(tokenIds.length, typeIds?.length ?? ABSENT, pick?.length ?? ABSENT, branches.length)
    for (const list of [tokenIds, typeIds, pick]) for (const id of list ?? []) packed.push(id)
    for (const branch of branches) packed.push(branch.length, ...branch)
  }
  return Int32Array.from(packed)
}

/** Reverses `packCalls`. */
export function unpackCalls(packed: Int32Array): ModelCall[] {
  const calls: ModelCall[] = []
  let at = 0
  const take = (count: number): Int32Array => {
    at += count
    return packed.subarray(at - count, at)
  }
  while (at < packed.length) {
    const [key, decode, top, expected, from, states, tokens, types, picked, count] = Array.from(take(HEAD)) as Head
    const tokenIds = take(tokens)
    const typeIds = take(Math.max(0, types))
    const pick = Array.from(take(Math.max(0, picked)))
    const branches = Array.from({ length: count }, () => Array.from(take(take(1)[0]!)))
    calls.push({
      ...{ key, tokenIds, branches, decode: decode === 1 },
      ...(types !== ABSENT && { typeIds }),
      ...(picked !== ABSENT && { pick }),
      ...(top !== ABSENT && { top }),
      ...(expected !== ABSENT && { expected }),
      ...(from !== ABSENT && { from }),
      ...(states !== ABSENT && { states }),
    })
  }
  return calls
}

type Head = [number, number, number, number, number, number, number, number, number, number]

export function packResults(results: readonly ModelAnswer[]): PackedResults {
  const counts = Int32Array.from(results, ({ values }) => values.length)
  const sparse = Uint8Array.from(results, ({ tokenIds }) => (tokenIds ? 1 : 0))
  const values = new Float32Array(sum(counts))
  const tokenIds = new Int32Array(sum(counts.filter((_, result) => sparse[result] === 1)))
  let value = 0
  let id = 0
  for (const result of results) {
    values.set(result.values, value)
    value += result.values.length
    if (!result.tokenIds) continue
    tokenIds.set(result.tokenIds, id)
    id += result.tokenIds.length
  }
  return { counts, sparse, tokenIds, values }
}

/** Reverses `packResults`. Each result has its own arrays, so keeping one does not keep the others in memory. */
export function unpackResults({ counts, sparse, tokenIds, values }: PackedResults): ModelAnswer[] {
  let value = 0
  let id = 0
  return Array.from(counts, (count, result) => {
    value += count
    const own = values.slice(value - count, value)
    if (sparse[result] === 0) return { values: own }
    id += count
    return { tokenIds: tokenIds.slice(id - count, id), values: own }
  })
}

/** Keys, counts and lengths are never negative. */
const ABSENT = -1

const sum = (numbers: Int32Array): number => numbers.reduce((total, one) => total + one, 0)
