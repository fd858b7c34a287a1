import { concat, defer, ignoreElements, type Observable } from 'rxjs'
import type { BatchedLanguageModel, LogitsCall, StatesCall } from '../../src/core/batched.js'
import { ShapeError } from '../../src/core/errors.js'
import type { LanguageModel, Logits } from '../../src/core/model.js'
import type { Sequence } from '../../src/core/sequence.js'

type ReadAhead = ReturnType<typeof readAhead<LogitsCall, Logits>>

/** Keys of running sequences. */
export interface LiveKeys {
  readonly size: number
  add(key: object): void
  delete(key: object): void
}

/** Counts keys. A set would keep them in memory until the next collection of old memory: its discarded tables point to later ones. */
export function liveKeys(): LiveKeys {
  const keys = new WeakSet<object>()
  let size = 0
  return {
    get size() {
      return size
    },
    add(key) {
      if (keys.has(key)) return
      keys.add(key)
      size++
    },
    delete(key) {
      if (keys.delete(key)) size--
    },
  }
}

/** Returns the first token id that a model with so many of them cannot read. A call with one would fail its whole batch. */
export function findForeign(tokenIds: ArrayLike<number>, vocabSize: number): number | undefined {
  for (let i = 0; i < tokenIds.length; i++) if (!(tokenIds[i]! >= 0 && tokenIds[i]! < vocabSize)) return tokenIds[i]
  return undefined
}

/** Sends a call for hidden states through the scheduler. */
export type ScheduledStates = (call: StatesCall) => Observable<Float32Array[]>

/**
 * Adapts a batched language model to operators. A sequence read with another prompt is a separate sequence for the model; both are freed
 * together.
 *
 * @param live keys of the running sequences, updated here
 * @param states undefined if the model returns no hidden states
 * @param keep called with each sequence before its call
 */
export function scheduledLanguageModel(
  name: string,
  lm: BatchedLanguageModel,
  scheduled: ReadAhead,
  live: LiveKeys,
  { states, keep }: Readonly<{ states?: ScheduledStates | undefined; keep?: ((sequence: Sequence) => void) | undefined }>,
): LanguageModel {
  const others = new WeakMap<object, Map<string, object>>()
  const otherwise = (sequence: Sequence, promptTokenIds: readonly number[]): Sequence => {
    const keys = others.get(sequence.key) ?? new Map<string, object>()
    const prompt = promptTokenIds.join()
    const key = keys.get(prompt) ?? {}
    others.set(sequence.key, keys.set(prompt, key))
    return { ...sequence, key, promptTokenIds }
  }
  const { all, maxTop } = lm.capabilities
  const vocabSize = all ? maxTop : Number.POSITIVE_INFINITY
  const check = (tokens: number, ...decoded: readonly ArrayLike<number>[]): void => {
    if (tokens > lm.contextLength)
      throw new ShapeError(`Expected at most ${lm.contextLength} tokens, the model's context, got ${tokens}`)
    for (const tokenIds of decoded) {
      const foreign = findForeign(tokenIds, vocabSize)
      if (foreign !== undefined)
        throw new ShapeError(`Language model \`${name}\` reads token ids from 0 to ${vocabSize - 1}, got ${foreign}`)
    }
  }
  return {
    name,
    capabilities: lm.capabilities,
    codec: lm.codec,
    endTokenIds: lm.endTokenIds,
    logits: (own, need, promptTokenIds) =>
      defer(() => {
        const sequence = promptTokenIds ? otherwise(own, promptTokenIds) : own
        const length = sequence.promptTokenIds.length + sequence.tokenIds.length
        check(length, sequence.tokenIds)
        live.add(own.key)
        keep?.(sequence)
        return scheduled(sequence.key, length, { sequence, need }, (upTo) => ({ sequence, need, upTo }))
      }),
    ...(states && {
      hiddenStates: (sequence: Sequence, candidateIds: Int32Array) =>
        defer(() => {
          const { promptTokenIds, tokenIds } = sequence
          check(promptTokenIds.length + tokenIds.length + Math.min(1, candidateIds.length), tokenIds, candidateIds)
          keep?.(sequence)
          return states({ sequence, candidateIds })
        }),
    }),
    release: ({ key }) => {
      live.delete(key)
      lm.release(key)
      for (const other of others.get(key)?.values() ?? []) lm.release(other)
      others.delete(key)
    },
  }
}

/** A call of a batched model in the scheduler, with the key of its sequence and the number of its new prompt tokens. */
export type Weighed<Call> = Readonly<{ call: Call; key: object; promptTokens: number }>

/** Answers one call; nothing happens before somebody subscribes. */
export type Scheduled<Call, Result> = (call: Weighed<Call>) => Observable<Result>

/**
 * Splits a sequence's first call into calls of `chunk` tokens, one after the other, so that steps of other sequences run in between. The
 * cuts depend on the sequence alone. Later calls stay whole.
 */
export function readAhead<Call, Result>(scheduled: Scheduled<Call, Result>, chunk = Number.POSITIVE_INFINITY) {
  const begun = new WeakSet<object>()
  return (key: object, tokens: number, call: Call, upTo: (tokens: number) => Call): Observable<Result> => {
    if (begun.has(key)) return scheduled({ call, key, promptTokens: 0 })
    begun.add(key)
    const pieces: Observable<never>[] = []
    let read = 0
    for (; read + chunk < tokens; read += chunk)
      pieces.push(scheduled({ call: upTo(read + chunk), key, promptTokens: chunk }).pipe(ignoreElements()))
    return concat(...pieces, scheduled({ call, key, promptTokens: tokens - read }))
  }
}
