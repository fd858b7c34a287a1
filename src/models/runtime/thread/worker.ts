import { parentPort, workerData } from 'node:worker_threads'
import { isOutOfMemory, messageOf } from '../../../core/errors.js'
import { clock } from '../../../core/observe/observer.js'
import type { ModelAnswer, ModelCall } from '../call.js'
import { branchLogprobs } from '../decoder/branchLogprobs.js'
import { Engine } from '../decoder/Engine.js'
import { hostMemory } from '../decoder/hostMemory.js'
import { withLock } from '../device/lock.js'
import { gpuProblem, isGpuLost } from '../device/webgpu.js'
import { EncoderEngine } from '../EncoderEngine.js'
import { OnnxEngine } from '../exported/OnnxEngine.js'
import type { SessionRun } from '../watch.js'
import { createSession } from './createSession.js'
import { packResults, unpackCalls } from './packing.js'
import type { FromWorker, ToWorker, WorkerSetup } from './protocol.js'

/** The thread of one model. `session.run` blocks this thread, never the one that decodes. */
const setup = workerData as WorkerSetup
const port = parentPort!
const post = (message: FromWorker, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer)

/** An engine. `settle` does work that can wait until after the answer. */
type Answerer = Readonly<{
  run(calls: readonly ModelCall[]): Promise<readonly ModelAnswer[]>
  settle(): void
  release(key: number): void
}>

async function open(
  onRun: (run: SessionRun) => void,
  onNotice: (notice: string) => void,
): Promise<Answerer & Readonly<{ close: () => Promise<void> }>> {
  const lock = setup.gpuLock && new Int32Array(setup.gpuLock)
  const { session, device } = lock
    ? await withLock(lock, async () => ({ session: await createSession(setup, onNotice), device: await openDevice() }))
    : { session: await createSession(setup, onNotice), device: undefined }
  const close = () => session.release()
  if ('encoder' in setup) {
    const engine = new EncoderEngine(session, setup.encoder, onRun)
    return { run: (calls) => engine.run(calls), settle: () => undefined, release: () => undefined, close }
  }
  if ('contract' in setup) return answerer(new OnnxEngine(session, setup, onRun), close)
  if (!lock || !device) return answerer(new Engine(hostMemory(session, setup), setup, onRun), close, setup.logprobs)
  const memory = device.deviceMemory(session, setup, device.gpu, lock)
  if (setup.warmUp !== undefined) await memory.warmUp(setup.warmUp)
  const closeAll = () => memory.close().then(() => withLock(lock, close))
  return answerer(new Engine(memory, setup, onRun), closeAll, setup.logprobs)
}

/** Opens the GPU. Its modules take a tenth of a second to load, which a model on the CPU does without. */
async function openDevice() {
  const [{ openGpu }, { deviceMemory }] = await Promise.all([import('../device/gpu.js'), import('../device/deviceMemory.js')])
  return { gpu: await openGpu(), deviceMemory }
}

function answerer(engine: Engine | OnnxEngine, close: () => Promise<void>, logprobs = false) {
  const run = (calls: readonly ModelCall[]) => (logprobs ? branchLogprobs(engine, calls) : engine.run(calls))
  return { run, settle: () => engine.settle(), release: (key: number) => engine.release(key), close }
}

async function answer(engine: Answerer, id: number, packed: Int32Array, runs: SessionRun[]): Promise<void> {
  const receivedAt = clock()
  try {
    const results = await engine.run(unpackCalls(packed))
    const { values, tokenIds, ...counts } = packResults(results)
    const buffers = [values.buffer, tokenIds.buffer] as ArrayBuffer[]
    post(
      { type: 'results', id, results: { ...counts, values, tokenIds }, runs: runs.splice(0), receivedAt, answeredAt: clock() },
      buffers,
    )
    engine.settle()
  } catch (error) {
    if (setup.gpuLock && isGpuLost(error)) post({ type: 'lost', message: gpuProblem(error) })
    else
      post({
        type: 'error',
        id,
        message: setup.gpuLock ? gpuProblem(error) : messageOf(error),
        isOutOfMemory: isOutOfMemory(error),
      })
  }
}

async function serve(): Promise<void> {
  const runs: SessionRun[] = []
  const notices: string[] = []
  const engine = await open(
    (run) => runs.push(run),
    (notice) => notices.push(notice),
  )
  let work: Promise<void> = Promise.resolve()
  port.on('message', (message: ToWorker) => {
    work = work.then(async () => {
      if (message.type === 'run') await answer(engine, message.id, message.calls, runs)
      else if (message.type === 'release') engine.release(message.key)
      else {
        await engine.close()
        port.close()
      }
    })
  })
  post({ type: 'ready', notices })
}

serve().catch((error: unknown) => {
  post({ type: 'failed', message: setup.gpuLock ? gpuProblem(error) : messageOf(error) })
  port.close()
})
