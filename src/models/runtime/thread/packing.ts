import type { WorkerCall, WorkerResult } from '../call.js'
import type { PackedResults } from './protocol.js'

/** Calls of a batch in one array: a message of many small arrays takes longer to copy between threads than some models to run. */
export function packCalls(calls: readonly WorkerCall[]): Int32Array {
  const packed: number[] = []
  for (const { key, tokenIds, typeIds, branches, need = ABSENT, expected = ABSENT, states = ABSENT } of calls) {
    packed.push(key, need, expected, states, tokenIds.length, typeIds?.length ?? ABSENT, branches?.length ?? ABSENT)
    for (const tokenId of tokenIds) packed.push(tokenId)
    for (const typeId of typeIds ?? []) packed.push(typeId)
    for (const branch of branches ?? []) packed.push(branch.length, ...branch)
  }
  return Int32Array.from(packed)
}

type Head = [number, number, number, number, number, number, number]

/** The calls of `packCalls`. */
export function unpackCalls(packed: Int32Array): WorkerCall[] {
  const calls: WorkerCall[] = []
  let at = 0
  const take = (count: number): Int32Array => {
    at += count
    return packed.subarray(at - count, at)
  }
  while (at < packed.length) {
    const [key, need, expected, states, tokens, types, count] = Array.from(take(7)) as Head
    const tokenIds = take(tokens)
    const typeIds = take(Math.max(0, types))
    const branches = Array.from({ length: Math.max(0, count) }, () => Array.from(take(take(1)[0]!)))
    calls.push({
      key,
      tokenIds,
      ...(types !== ABSENT && { typeIds }),
      ...(count !== ABSENT && { branches }),
      ...(need !== ABSENT && { need }),
      ...(expected !== ABSENT && { expected }),
      ...(states !== ABSENT && { states }),
    })
  }
  return calls
}

export function packResults(results: readonly WorkerResult[]): PackedResults {
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

/** The results of `packResults`, each in arrays of its own, so that one that is kept does not keep the others. */
export function unpackResults({ counts, sparse, tokenIds, values }: PackedResults): WorkerResult[] {
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

/** No key, count or number of tokens is negative. */
const ABSENT = -1

const sum = (numbers: Int32Array): number => numbers.reduce((total, one) => total + one, 0)
