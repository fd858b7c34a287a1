import type { ModelAnswer, ModelCall } from '../call.js'
import type { PackedResults } from './protocol.js'

/** Count of numbers before a call's lists: key, decode, top, expected, from, states, and the lengths of the lists. */
const HEAD = 10

/**
 * Packs the calls of a batch into one array. Copying many small arrays between threads takes longer than running some models.
 *
 * @param numberOf the number of a key
 */
export function packCalls<Key>(calls: readonly ModelCall<Key>[], numberOf: (key: Key) => number): Int32Array {
  const packed = new Int32Array(calls.reduce((size, call) => size + packedSize(call), 0))
  let at = 0
  const put = (list: ArrayLike<number>): void => {
    for (let i = 0; i < list.length; i++) packed[at++] = list[i]!
  }
  for (const { key, tokenIds, typeIds, pick, branches, decode, ...call } of calls) {
    const { top = ABSENT, expected = ABSENT, from = ABSENT, states = ABSENT } = call
    put([numberOf(key), decode ? 1 : 0, top, expected, from, states])
    put([tokenIds.length, typeIds?.length ?? ABSENT, pick?.length ?? ABSENT, branches.length])
    for (const list of [tokenIds, typeIds, pick]) if (list) put(list)
    for (const branch of branches) {
      packed[at++] = branch.length
      put(branch)
    }
  }
  return packed
}

const packedSize = ({ tokenIds, typeIds, pick, branches }: ModelCall<unknown>): number =>
  branches.reduce((size, { length }) => size + 1 + length, HEAD + tokenIds.length + (typeIds?.length ?? 0) + (pick?.length ?? 0))

/** Reverses `packCalls`. */
export function unpackCalls(packed: Int32Array): ModelCall[] {
  const calls: ModelCall[] = []
  let at = 0
  const one = (): number => packed[at++]!
  const array = (count: number): Int32Array => {
    at += count
    return packed.subarray(at - count, at)
  }
  const list = (count: number): number[] => {
    const numbers: number[] = []
    for (const end = at + count; at < end; at++) numbers.push(packed[at]!)
    return numbers
  }
  while (at < packed.length) {
    const [key, decode, top, expected, from, states] = [one(), one() === 1, one(), one(), one(), one()]
    const [tokens, types, picked, count] = [one(), one(), one(), one()]
    const tokenIds = array(tokens)
    const typeIds = array(Math.max(0, types))
    const pick = list(Math.max(0, picked))
    const branches: number[][] = []
    while (branches.length < count) branches.push(list(one()))
    calls.push({
      ...{ key, tokenIds, branches, decode },
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
