import { parentPort, workerData } from 'node:worker_threads'
import { messageOf } from '../../core/errors.js'
import { createSession } from './createSession.js'
import { Engine } from './Engine.js'
import { packResults, unpackCalls } from './packing.js'
import { clock, type FromWorker, type SessionRun, type ToWorker, type WorkerSetup } from './protocol.js'

/** The thread of one model: `session.run` blocks it, never the thread that decodes. */
const setup = workerData as WorkerSetup
const port = parentPort!
const post = (message: FromWorker, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer)

async function answer(engine: Engine, id: number, packed: Int32Array, runs: SessionRun[]): Promise<void> {
  const receivedAt = clock()
  try {
    const results = await engine.run(
      unpackCalls(packed).map(({ need, branches = [[]], ...call }) => ({
        ...call,
        branches,
        decode: need !== undefined,
        ...(need && { top: need }),
      })),
    )
    const { values, tokenIds, ...counts } = packResults(results)
    const buffers = [values.buffer, tokenIds.buffer] as ArrayBuffer[]
    post(
      { type: 'results', id, results: { ...counts, values, tokenIds }, runs: runs.splice(0), receivedAt, answeredAt: clock() },
      buffers,
    )
    engine.settle()
  } catch (error) {
    post({ type: 'error', id, message: messageOf(error) })
  }
}

async function serve(): Promise<void> {
  const session = await createSession(setup)
  const runs: SessionRun[] = []
  const engine = new Engine(session, setup, (run) => runs.push(run))
  let work: Promise<void> = Promise.resolve()
  port.on('message', (message: ToWorker) => {
    work = work.then(async () => {
      if (message.type === 'run') await answer(engine, message.id, message.calls, runs)
      else if (message.type === 'release') engine.release(message.key)
      else {
        await session.release()
        port.close()
      }
    })
  })
  post({ type: 'ready' })
}

serve().catch((error: unknown) => {
  post({ type: 'failed', message: messageOf(error) })
  port.close()
})
