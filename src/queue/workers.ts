import * as z from 'zod'
import type { Connection } from './connect.js'

const WORKERS = 'rxargs:workers'
const workerKey = (id: string): string => `rxargs:worker:${id}`
/** A worker that says nothing for this long is gone. */
const ALIVE_MS = 6_000

const workerState = z.object({
  id: z.string(),
  host: z.string(),
  pid: z.int(),
  startedAt: z.number(),
  /** What it decodes now. */
  run: z.string().optional(),
  job: z.string().optional(),
  /** Jobs that it has done. */
  done: z.int(),
  /** Rows and tokens a second. */
  speed: z.object({ rows: z.number(), tokens: z.number() }),
})
export type WorkerState = z.output<typeof workerState>

/** Says that a worker is alive. The server forgets it by its own clock, so that the clocks of machines need not agree. */
export async function noteWorker({ redis }: Connection, state: WorkerState): Promise<void> {
  await redis.multi().sadd(WORKERS, state.id).set(workerKey(state.id), JSON.stringify(state), 'PX', ALIVE_MS).exec()
}

export async function removeWorker({ redis }: Connection, id: string): Promise<void> {
  await redis.multi().srem(WORKERS, id).del(workerKey(id)).exec()
}

/** Lists the workers that are alive, the oldest first. */
export async function liveWorkers({ redis }: Connection): Promise<WorkerState[]> {
  const ids = await redis.smembers(WORKERS)
  if (ids.length === 0) return []
  const states = await redis.mget(ids.map(workerKey))
  const gone = ids.filter((_, index) => states[index] === null)
  if (gone.length > 0) await redis.srem(WORKERS, ...gone)
  return states
    .flatMap((text) => (text === null ? [] : (workerState.safeParse(JSON.parse(text)).data ?? [])))
    .sort((a, b) => a.startedAt - b.startedAt)
}
