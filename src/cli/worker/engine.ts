import { Command } from 'commander'
import { messageOf, OptionError } from '../../core/errors.js'
import type { RunObserver } from '../../core/observe/observer.js'
import type { Prompt } from '../../core/prompt.js'
import type { Models, Row } from '../../core/run.js'
import { type JobPart, type PartFigures, readJobPart, writeJobPart } from '../../io/jobPart.js'
import { keyOf } from '../../io/parquet/heldRows.js'
import { openStore } from '../../io/stores/openStore.js'
import { unpackPrompts } from '../../queue/queueJob.js'
import { logObserver } from '../../watch/jsonLog.js'
import { collectMetrics } from '../../watch/metrics.js'
import { openTraces } from '../../watch/traces.js'
import { type ChosenDecoder, chooseDecoder } from '../flags/chooseDecoder.js'
import { type GenerateFlags, type GivenFlags, runFlags, settingsOf } from '../flags/generateFlags.js'
import { type TraceFlags, traceFlags } from '../flags/watchFlags.js'
import { runOfPrompts } from '../run/generateRun.js'
import { loadRunModels, rewardsOf } from '../run/loadRun.js'
import type { Terminal } from '../terminal.js'
import type { FromEngine, ToEngine } from './protocol.js'

const REPORT_MS = 500

/** `rxargs engine` decodes the jobs of a worker, which starts it as a process of its own. */
export const engineCommand = (terminal: Terminal): Command =>
  traceFlags(runFlags(new Command('engine')))
    .description('decode the jobs of `rxargs worker`, which starts this')
    .option('--records', 'send the worker records for its log')
    .option('--figures', 'collect figures for the worker')
    .action(async (flags: GivenFlags & EngineWatch) => run(settingsOf(flags), await chooseDecoder(flags), flags, terminal))

/** How the worker watches its engine. */
export type EngineWatch = TraceFlags & Readonly<{ records?: boolean; figures?: boolean }>

type Engine = Readonly<{
  flags: GenerateFlags
  chosen: ChosenDecoder
  models: Models
  say: (line: string) => void
  observers: readonly RunObserver[]
}>

async function run(
  flags: GenerateFlags,
  chosen: ChosenDecoder,
  { records, figures, otlp, otlpSample }: EngineWatch,
  { stderr, signal }: Terminal,
): Promise<void> {
  if (!process.connected) throw new OptionError('Expected to be started by `rxargs worker`')
  // Nothing is left to do without the worker, and nothing would be lost: a part is complete or absent.
  process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'))
  const say = (line: string) => void stderr.write(`${line}\n`)
  const metrics = figures ? await collectMetrics('--metrics-port') : undefined
  const traces = otlp === undefined ? undefined : await openTraces({ url: otlp, sample: otlpSample, onNotice: say })
  const models = await loadRunModels(flags, await rewardsOf(flags, chosen), say, metrics?.load)
  const observers: RunObserver[] = [
    ...(records ? [logObserver((...record) => tell({ type: 'record', record }), flags.engine)] : []),
    ...(metrics ? [metrics.observer] : []),
    ...(traces ? [beginOnce(traces.observer)] : []),
  ]
  const engine = { flags, chosen, models, say, observers }
  let running: Readonly<{ stop: AbortController; answer: (isOwn: boolean) => void }> | undefined
  const ended = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))
  process.on('message', (message: ToEngine) => {
    if (message.type === 'stop') return running?.stop.abort(new Error('The job was stopped'))
    if (message.type === 'write') return running?.answer(message.isOwn)
    if (message.type === 'figures') return void metrics?.data().then((data) => tell({ type: 'figures', figures: data }))
    // As above, there is nothing to save but traces.
    if (message.type === 'end')
      return void (traces?.close() ?? Promise.resolve()).finally(() => process.kill(process.pid, 'SIGKILL'))
    const stop = new AbortController()
    let answer: (isOwn: boolean) => void = () => undefined
    const mayWrite = new Promise<boolean>((resolve) => {
      answer = resolve
    })
    running = { stop, answer }
    decode(engine, message, { signal: stop.signal, mayWrite }).then(
      (figures) => tell({ type: 'done', figures }),
      (error: unknown) => tell({ type: 'failed', reason: messageOf(error) }),
    )
  })
  try {
    tell({ type: 'ready', meta: runOf(engine, []).meta })
    await ended
  } finally {
    await models.close()
  }
}

/** All jobs of an engine have the same metadata, so one exporter of traces serves them all. */
function beginOnce(observer: RunObserver): RunObserver {
  let isBegun = false
  return {
    ...observer,
    onBegin: (meta) => {
      if (!isBegun) observer.onBegin?.(meta)
      isBegun = true
    },
  }
}

const tell = (message: FromEngine): void => void process.send?.(message)

const runOf = (
  { flags, chosen, models, say, observers }: Engine,
  prompts: readonly Prompt[],
  onToken: () => void = () => undefined,
) =>
  runOfPrompts(iterate(prompts), flags, chosen, models, { say, begin: () => undefined, observers: [{ onToken }, ...observers] })

async function* iterate<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items
}

type Decoding = Readonly<{ signal: AbortSignal; mayWrite: Promise<boolean> }>
type DecodeJob = Extract<ToEngine, { type: 'decode' }>

async function decode(
  engine: Engine,
  { output, part, prompts: packed }: DecodeJob,
  { signal, mayWrite }: Decoding,
): Promise<PartFigures> {
  const prompts = unpackPrompts(packed)
  const jobPart: JobPart = {
    ...{ store: openStore(output), number: part },
    rows: prompts.flatMap(({ prompt, promptHash, samples }) => samples.map((sample) => ({ id: prompt.id, sample, promptHash }))),
  }
  // Another worker may have written it and died before it could say so.
  const there = await readJobPart(jobPart)
  if (there !== undefined) return there
  const wanted = new Set(jobPart.rows.map(keyOf))
  const rows = new Map<string, Row>()
  let told = { rows: 0, tokens: 0, at: performance.now() }
  let tokens = 0
  const report = (): void => {
    if (performance.now() - told.at < REPORT_MS) return
    tell({ type: 'progress', rows: rows.size - told.rows, tokens: tokens - told.tokens })
    told = { rows: rows.size, tokens, at: performance.now() }
  }
  const run = runOf(
    engine,
    prompts.map(({ prompt }) => prompt),
    () => {
      tokens++
      report()
    },
  )
  await new Promise<void>((resolve, reject) => {
    run.rows({ done: (key) => !wanted.has(keyOf(key)), signal }).subscribe({
      next: (row) => {
        rows.set(keyOf(row), row)
        report()
      },
      error: reject,
      complete: resolve,
    })
  })
  tell({ type: 'decoded' })
  if (!(await mayWrite)) throw new Error('Another worker has the job now')
  return writeJobPart(jobPart, rows, run.meta)
}
