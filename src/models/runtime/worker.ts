import { parentPort, workerData } from 'node:worker_threads'
import { messageOf } from '../../core/errors.js'
import { topIndices } from '../../core/math.js'
import { createSession } from './createSession.js'
import { Engine, type Reading } from './Engine.js'
import type { FromWorker, SessionRun, ToWorker, WorkerCall, WorkerResult, WorkerSetup } from './protocol.js'

/** The thread of one model: `session.run` blocks it, never the thread that decodes. */
const setup = workerData as WorkerSetup
const port = parentPort!
const post = (message: FromWorker, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer)

/** The n likeliest tokens, or a copy of all: the run's own output holds every sequence's. What is not finite stays to be seen. */
function resultOf({ values, width, finite }: Reading, need: number | undefined): WorkerResult {
  if (need === undefined || need === 0) return { values: values.slice() }
  const n = Math.min(need, width)
  if (!finite) return { tokenIds: new Int32Array(n), values: new Float32Array(n).fill(Number.NaN) }
  const tokenIds = topIndices(values, n)
  return { tokenIds, values: Float32Array.from(tokenIds, (tokenId) => values[tokenId]!) }
}

async function answer(engine: Engine, id: number, calls: readonly WorkerCall[], runs: SessionRun[]): Promise<void> {
  try {
    const readings = await engine.run(
      calls.map(({ key, tokenIds, branches, need }) => ({
        key,
        tokenIds,
        branches: branches ?? [[]],
        decode: need !== undefined,
      })),
    )
    const results = readings.map((reading, call) => resultOf(reading, calls[call]!.need))
    post({ type: 'results', id, results, runs: runs.splice(0) })
  } catch (error) {
    post({ type: 'error', id, message: messageOf(error) })
  }
}

async function serve(): Promise<void> {
  const session = await createSession(setup)
  const runs: SessionRun[] = []
  const engine = new Engine(session, setup.shape, setup.contextLength, setup.output, (run) => runs.push(run))
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
