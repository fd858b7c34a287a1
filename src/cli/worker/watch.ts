import type { WorkEvent } from '../../queue/work.js'
import type { Log } from '../../watch/jsonLog.js'
import { collectMetrics } from '../../watch/metrics.js'
import { serveMetrics } from '../../watch/metricsServer.js'
import { openTraces } from '../../watch/traces.js'
import { checkTraceFlags, type WatchFlags } from '../flags/watchFlags.js'
import type { Terminal } from '../terminal.js'
import type { EngineProcess } from './engineProcess.js'

type Fields = Readonly<Record<string, unknown>>

/** Watches a worker and its engine. The worker owns the log and the port, because engines come and go. */
export type WorkerWatch = Readonly<{
  /** Flags of its engines. */
  engineArgs: readonly string[]
  onEvent: (event: WorkEvent, fields: Fields) => void
  /** Receives the engine's records, and names the job in them. */
  onRecord: Log
  close: () => void
}>

/** What each event says to a person. Those without a line show in other lines, or come with every job. */
const lines: Partial<Record<WorkEvent, (fields: Fields) => string>> = {
  job_retry: ({ job, attempt, attempts, reason }) => `Job ${job} failed (attempt ${attempt} of ${attempts}): ${reason}`,
  job_dead: ({ job, reason }) => `Job ${job} failed for the last time: ${reason}`,
  job_lost: ({ job }) => `Another worker has the job ${job} now`,
  job_stalled: ({ job }) => `The worker of the job ${job} is gone; the job waits again`,
  queue_paused: () => 'The queue is paused',
  queue_resumed: () => 'The queue goes on',
}
const warnings: readonly WorkEvent[] = ['job_retry', 'job_lost', 'job_stalled']

/**
 * Watches a worker as the flags say. Imports their packages and takes the port, so that the worker takes no job if that fails.
 *
 * @param engineOf gives the engine that runs now
 * @throws OptionError for a package that is missing, and Error for a port that is taken
 */
export async function watchWorker(
  flags: WatchFlags,
  { log, stderr }: Pick<Terminal, 'log' | 'stderr'>,
  engineOf: () => EngineProcess | undefined,
): Promise<WorkerWatch> {
  checkTraceFlags(flags)
  const { metricsPort, metricsHost, otlp, otlpSample } = flags
  const say = (line: string): void => void stderr.write(`${line}\n`)
  // The engine sends the traces. This shows now whether their packages are there.
  if (otlp !== undefined) await (await openTraces({ url: otlp, onNotice: say })).close()
  const metrics = metricsPort === undefined ? undefined : await collectMetrics('--metrics-port')
  const countJob = metrics?.counter('rxargs_jobs_total', 'Jobs that this worker took, by what happened', ['event'])
  let current: Fields = {}
  let isPaused = false
  metrics?.gauge('rxargs_job_running', '1 while this worker has a job', () => (current.job === undefined ? 0 : 1))
  metrics?.gauge('rxargs_queue_paused', '1 while the queue is paused', () => Number(isPaused))
  const text = async (): Promise<string> => {
    const figures = await engineOf()?.figures()
    return metrics!.sumWith(figures ?? [])
  }
  const server = metrics && (await serveMetrics({ ...metrics, text }, { host: metricsHost, port: metricsPort! }))
  if (server) say(`Metrics at ${server.url}`)
  return {
    engineArgs: [
      ...(log ? ['--records'] : []),
      ...(metrics ? ['--figures'] : []),
      ...(otlp === undefined ? [] : ['--otlp', otlp]),
      ...(otlpSample === undefined ? [] : ['--otlp-sample', String(otlpSample)]),
    ],
    onEvent(event, fields) {
      if (event === 'job_start') current = { run: fields.run, job: fields.job }
      else if (event.startsWith('job_') && fields.job === current.job) current = {}
      if (event.startsWith('queue_')) isPaused = event === 'queue_paused'
      // A job that stalled was another worker's.
      else if (event !== 'job_stalled') countJob?.(event.slice('job_'.length))
      const line = lines[event]?.(fields)
      if (log) log(event, fields, event === 'job_dead' ? 'error' : warnings.includes(event) ? 'warn' : 'info')
      else if (line !== undefined) say(line)
    },
    onRecord: (event, fields, level) => log?.(event, { ...current, ...fields }, level),
    close: () => server?.close(),
  }
}
