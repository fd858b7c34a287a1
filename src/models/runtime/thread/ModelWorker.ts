import { Worker } from 'node:worker_threads'
import { ModelError, ModelLostError, OutOfMemoryError } from '../../../core/errors.js'
import { clock } from '../../../core/observe/observer.js'
import type { ModelAnswer, ModelCall } from '../call.js'
import { disableTelemetry } from '../telemetry.js'
import type { Watch } from '../watch.js'
import { packCalls, unpackResults } from './packing.js'
import type { FromWorker, ToWorker, WorkerSetup } from './protocol.js'

/** Its tensors are outside of the heap, and its few objects die at once. By default V8 would let 48 MB of them pile up. */
const YOUNG_MB = 6

type Waiting = Readonly<{
  id: number
  resolve: (results: readonly ModelAnswer[]) => void
  reject: (error: Error) => void
  postedAt: number
}>

/**
 * One model in its own thread. If the thread fails or crashes, all waiting and later calls reject. An idle worker does not keep the process
 * alive.
 */
export class ModelWorker {
  private readonly waiting: Waiting[] = []
  private readonly keys = new WeakMap<object, number>()
  private readonly exited: Promise<void>
  private nextKey = 1
  /** Keys of released sequences. They are given again, so that engines can use them as indices. */
  private readonly free: number[] = []
  private nextCall = 1
  private failure: Error | undefined
  /** Warnings of the start that are no errors. */
  notices: readonly string[] = []

  private constructor(
    private readonly worker: Worker,
    private readonly name: string,
    private readonly watch: Watch,
  ) {
    this.exited = new Promise((resolve) => {
      worker.once('exit', (code) => {
        this.fail(new ModelLostError(`The worker of ${name} ended${code === 0 ? '' : ` with code ${code}`}`))
        resolve()
      })
    })
    worker.on('error', (error) => this.fail(new ModelLostError(`The worker of ${name} failed: ${error.message}`)))
    worker.on('message', (message: FromWorker) => this.receive(message))
  }

  /** Starts the thread and loads the model. */
  static async start(name: string, setup: WorkerSetup, watch: Watch = {}): Promise<ModelWorker> {
    disableTelemetry()
    const worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData: setup,
      // It must not inherit flags such as --input-type of `node -e`.
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    })
    const started = new ModelWorker(worker, name, watch)
    await new Promise<void>((resolve, reject) =>
      started.waiting.push({ id: 0, resolve: () => resolve(), reject, postedAt: clock() }),
    )
    worker.unref()
    return started
  }

  run(calls: readonly ModelCall<object>[]): Promise<readonly ModelAnswer[]> {
    if (this.failure) return Promise.reject(this.failure)
    const id = this.nextCall++
    return new Promise((resolve, reject) => {
      const postedAt = clock()
      // First, because a call that cannot be packed must not wait for an answer.
      const packed = packCalls(calls, (key) => this.keyOf(key))
      if (this.waiting.length === 0) this.worker.ref()
      this.waiting.push({ id, resolve, reject, postedAt })
      this.worker.postMessage({ type: 'run', id, calls: packed } satisfies ToWorker, [packed.buffer as ArrayBuffer])
    })
  }

  /** Frees the worker's cache of a key, after all earlier runs. */
  release(key: object): void {
    const existing = this.keys.get(key)
    if (existing === undefined || this.failure) return
    this.keys.delete(key)
    this.post({ type: 'release', key: existing })
    this.free.push(existing)
  }

  /** Ends the thread after its current run. */
  async close(): Promise<void> {
    if (!this.failure) {
      this.post({ type: 'close' })
      this.fail(new ModelLostError(`The worker of ${this.name} was closed`))
    }
    // A crashed thread, too, takes a moment to end. Without this, the process could end first.
    this.worker.ref()
    await this.exited
  }

  private post(message: ToWorker): void {
    this.worker.postMessage(message)
  }

  private keyOf(key: object): number {
    const existing = this.keys.get(key)
    if (existing !== undefined) return existing
    const id = this.free.pop() ?? this.nextKey++
    this.keys.set(key, id)
    return id
  }

  private receive(message: FromWorker): void {
    if (message.type === 'ready') {
      this.notices = message.notices
      this.settle(0, (call) => call.resolve([]))
    } else if (message.type === 'failed') this.fail(new ModelError(`${this.name} could not be loaded: ${message.message}`))
    else if (message.type === 'lost') {
      this.fail(new ModelLostError(`${this.name} failed on the GPU: ${message.message}`))
      // Without an end of its own, the worker would keep `close` waiting.
      void this.worker.terminate()
    } else if (message.type === 'results') {
      const { runs, receivedAt, answeredAt } = message
      const { onRun, onTrip } = this.watch
      if (onRun) runs.forEach(onRun)
      this.settle(message.id, (call) => {
        onTrip?.({ postedAt: call.postedAt, receivedAt, answeredAt, arrivedAt: clock() })
        call.resolve(unpackResults(message.results))
      })
    } else {
      const { id, isOutOfMemory, message: reason } = message
      const error = isOutOfMemory ? outOfMemory(this.name, reason) : new ModelError(`${this.name}: ${reason}`)
      this.settle(id, (call) => call.reject(error))
    }
  }

  private settle(id: number, how: (call: Waiting) => void): void {
    const at = this.waiting.findIndex((one) => one.id === id)
    // A late answer after `close` must not unref the worker: `close` still waits for its exit.
    const [call] = at === -1 ? [] : this.waiting.splice(at, 1)
    if (!call) return
    if (this.waiting.length === 0) this.worker.unref()
    how(call)
  }

  private fail(error: Error): void {
    this.failure ??= error
    for (const { id } of [...this.waiting]) this.settle(id, (call) => call.reject(this.failure!))
  }
}

function outOfMemory(name: string, reason: string): OutOfMemoryError {
  const bytes = reason.match(/requested buffer of size (\d+)/)?.[1]
  const what = bytes === undefined ? reason.split('\n')[0]! : `${bytes} bytes more were needed`
  return new OutOfMemoryError(`${name}: no memory is left (${what}). Fewer prompts at a time or shorter ones need less`)
}
