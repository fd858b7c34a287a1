import { Worker } from 'node:worker_threads'
import { OptionError, ShapeError } from '../../core/errors.js'
import type { AllowedTokens } from '../../core/model.js'
import type { GrammarAnswer, GrammarForget, GrammarQuestion, GrammarSetup } from './grammarProtocol.js'

export type GrammarThreadOptions = Readonly<{
  /** How long an answer may take, in milliseconds. The first one includes compiling the grammar. */
  timeoutMs: number
  /** Ends the thread. */
  signal: AbortSignal
}>

type Waiting = Readonly<{ resolve: (bits: Int32Array) => void; reject: (error: Error) => void; timer: NodeJS.Timeout }>

/**
 * Finds the tokens that a grammar allows in a thread of its own, so that a grammar of somebody else holds up nothing. A thread that takes too long is
 * ended.
 *
 * - errors of its calls: those of `allowedTokens`; `OptionError` if an answer takes too long
 */
export function grammarThread(setup: GrammarSetup, { timeoutMs, signal }: GrammarThreadOptions): AllowedTokens {
  const waiting = new Map<number, Waiting>()
  const numbers = new WeakMap<object, number>()
  // A search makes many sequences, and a matcher for each.
  const forgotten = new FinalizationRegistry<number>((forget) => worker?.postMessage({ forget } satisfies GrammarForget))
  let worker: Worker | undefined
  let failure: Error | undefined
  let count = 0

  const fail = (error: Error): void => {
    failure ??= error
    for (const { reject, timer } of waiting.values()) {
      clearTimeout(timer)
      reject(failure)
    }
    waiting.clear()
    void worker?.terminate()
  }
  const started = (): Worker => {
    const thread = new Worker(new URL('./grammarWorker.js', import.meta.url), { workerData: setup })
    thread.on('message', (answer: GrammarAnswer) => {
      const one = waiting.get(answer.id)
      if (!one) return
      waiting.delete(answer.id)
      clearTimeout(one.timer)
      if ('bits' in answer) one.resolve(answer.bits)
      else one.reject(answer.isOption ? new OptionError(answer.message) : new ShapeError(answer.message))
    })
    thread.on('error', (error) => fail(new ShapeError(`The thread of the grammar failed: ${error.message}`)))
    signal.addEventListener('abort', () => fail(new ShapeError('The thread of the grammar was ended')), { once: true })
    thread.unref()
    return thread
  }
  return ({ key, tokenIds }) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) failure ??= new ShapeError('The thread of the grammar was ended')
      if (failure) return reject(failure)
      worker ??= started()
      const id = count++
      const sequence = numbers.get(key) ?? id
      if (sequence === id) {
        numbers.set(key, sequence)
        forgotten.register(key, sequence)
      }
      const late = () => fail(new OptionError(`Expected a grammar that takes at most ${timeoutMs} ms a step, got a slower one`))
      waiting.set(id, { resolve, reject, timer: setTimeout(late, timeoutMs) })
      worker.postMessage({ id, sequence, tokenIds } satisfies GrammarQuestion)
    })
}
