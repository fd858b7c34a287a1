import type { RunObserver } from '../../core/observe/observer.js'
import { logObserver } from '../../watch/jsonLog.js'
import { collectMetrics, type LoadObserver } from '../../watch/metrics.js'
import { serveMetrics } from '../../watch/metricsServer.js'
import { openTraces } from '../../watch/traces.js'
import { checkTraceFlags, type WatchFlags } from '../flags/watchFlags.js'
import { type Progress, startProgress } from '../print/progress.js'
import type { Terminal } from '../terminal.js'

/** What watches a run. `load` are callbacks of `loadModels`, and `onPart` is one of `toParquet`. */
export type RunWatch = Readonly<{
  progress: Progress
  load: Partial<LoadObserver>
  onPart: ((part: Readonly<{ path: string; rows: number; bytes: number }>) => void) | undefined
}>

/**
 * Watches a run as the flags say: progress, log, figures, traces. Imports their packages and takes the port before `run` begins, and at its
 * end sends what is left.
 *
 * @param running the run's settings in a log, besides those of its metadata
 * @throws OptionError for a package that is missing, and Error for a port that is taken
 */
export async function withWatch(
  flags: WatchFlags,
  running: Readonly<Record<string, unknown>>,
  { stderr, log }: Pick<Terminal, 'stderr' | 'log'>,
  run: (watch: RunWatch) => Promise<void>,
): Promise<void> {
  checkTraceFlags(flags)
  const { metricsPort, metricsHost, otlp, otlpSample } = flags
  const notices: string[] = []
  let say = (notice: string): void => void notices.push(notice)
  const traces =
    otlp === undefined ? undefined : await openTraces({ url: otlp, sample: otlpSample, onNotice: (notice) => say(notice) })
  const metrics = metricsPort === undefined ? undefined : await collectMetrics('--metrics-port')
  const server = metrics && (await serveMetrics(metrics, { host: metricsHost, port: metricsPort! }))
  const observers: RunObserver[] = [
    ...(log ? [logObserver(log, running)] : []),
    ...(metrics ? [metrics.observer] : []),
    ...(traces ? [traces.observer] : []),
  ]
  const progress = startProgress({ stream: stderr, log, observers })
  say = progress.say
  notices.forEach(say)
  if (server) say(`Metrics at ${server.url}`)
  try {
    await run({
      progress,
      load: metrics?.load ?? {},
      onPart: log && (({ path, rows, bytes }) => log('part', { path, rows, bytes })),
    })
  } finally {
    progress.end()
    await traces?.close()
    server?.close()
  }
}
