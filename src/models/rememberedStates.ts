import type { StatesCall } from '../core/batched.js'
import type { Sequence } from '../core/sequence.js'

/** A call for the hidden states of a sequence's tokens from `from` on, then of each candidate appended to it. */
export type StatesRead = Readonly<{ key: object; tokenIds: Int32Array; from: number; candidateIds: Int32Array }>

/** Hidden states by position, and those of the next candidates. */
type Remembered = Readonly<{
  tokenIds: readonly number[]
  states: readonly Float32Array[]
  offered: ReadonlyMap<number, Float32Array>
}>

/**
 * Returns the hidden states of whole sequences, though the model reads each position once. It keeps states until the sequence is released, and a
 * chosen candidate keeps its own. Memory: `hiddenSize` · 4 bytes per position.
 *
 * - `read`: answers each call with one array of its states in order
 */
export function rememberedStates(hiddenSize: number, read: (calls: readonly StatesRead[]) => Promise<readonly Float32Array[]>) {
  const memory = new WeakMap<object, Remembered>()
  return {
    /** Returns per call one state per position, then one per candidate: Float32[hiddenSize] each. */
    async hiddenStates(calls: readonly StatesCall[]): Promise<Float32Array[][]> {
      const plans = calls.map(({ sequence, candidateIds }) => {
        const tokenIds = [...sequence.promptTokenIds, ...sequence.tokenIds]
        return { sequence, candidateIds, tokenIds, prefix: prefixOf(memory.get(sequence.key), tokenIds) }
      })
      const values = await read(
        plans.map(({ sequence, tokenIds, prefix, candidateIds }) => ({
          ...{ key: sequence.key, tokenIds: Int32Array.from(tokenIds), from: prefix.length, candidateIds },
        })),
      )
      return plans.map(({ sequence, tokenIds, prefix, candidateIds }, call) => {
        const states = [...prefix, ...rowsOf(values[call]!, hiddenSize)]
        const offered = new Map(Array.from(candidateIds, (tokenId, i) => [tokenId, states[tokenIds.length + i]!]))
        memory.set(sequence.key, { tokenIds, states: states.slice(0, tokenIds.length), offered })
        return states
      })
    },
    release(key: Sequence['key']): void {
      memory.delete(key)
    },
  }
}

/** States of the common prefix. */
function prefixOf(before: Remembered | undefined, tokenIds: readonly number[]): readonly Float32Array[] {
  if (!before) return []
  let length = 0
  while (length < before.tokenIds.length && before.tokenIds[length] === tokenIds[length]) length++
  const prefix = before.states.slice(0, length)
  const chosen = length === before.tokenIds.length ? before.offered.get(tokenIds[length] ?? -1) : undefined
  // Copies the state, because it is a view that would keep the memory of all candidates.
  return chosen ? [...prefix, chosen.slice()] : prefix
}

const rowsOf = (values: Float32Array, size: number): Float32Array[] =>
  Array.from({ length: values.length / size }, (_, row) => values.subarray(row * size, (row + 1) * size))
