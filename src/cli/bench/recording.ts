import { lastValueFrom, toArray } from 'rxjs'
import { timed } from '../../../pipelines/decoding/timed.js'
import { type GenerateOptions, generate } from '../../../pipelines/run/generate.js'
import { clock } from '../../core/observe/observer.js'
import type { Prompt } from '../../core/prompt.js'
import type { Models } from '../../core/run.js'
import type { Decoder } from '../../core/step.js'
import type { LoadOptions } from '../../models/loadModels.js'
import type { ServerRequest, SessionRun, Trip } from '../../models/runtime/watch.js'
import { RunFailed } from '../run/writeOutput.js'
import type { Recording } from './figures.js'

const RSS_EVERY_MS = 50

type Logged = Readonly<{
  runs: Record<string, SessionRun[]>
  trips: Record<string, Trip[]>
  requests: Record<string, ServerRequest[]>
}>

/** Callbacks for the models' reports. `take` gives the reports since its last call. */
export type RunLog = Required<Pick<LoadOptions, 'onRun' | 'onTrip' | 'onRequest'>> & Readonly<{ take: () => Logged }>

export function runLog(): RunLog {
  const nothing = (): Logged => ({ runs: {}, trips: {}, requests: {} })
  let logged = nothing()
  return {
    onRun: (model, run) => pushTo(logged.runs, model, run),
    onTrip: (model, trip) => pushTo(logged.trips, model, trip),
    onRequest: (model, request) => pushTo(logged.requests, model, request),
    take: () => {
      const taken = logged
      logged = nothing()
      return taken
    },
  }
}

function pushTo<T>(lists: Record<string, T[]>, name: string, value: T): void {
  const known = lists[name]
  if (known) known.push(value)
  else lists[name] = [value]
}

async function* each(prompts: readonly Prompt[]): AsyncGenerator<Prompt> {
  yield* prompts
}

/**
 * Decodes all prompts once and records the events.
 *
 * @throws RunFailed for an error row, because without its reply the benchmark would be another
 */
export async function record(
  prompts: readonly Prompt[],
  decoder: Decoder,
  models: Models,
  take: RunLog['take'],
  { signal, ...options }: Pick<GenerateOptions, 'concurrency' | 'maxNewTokens' | 'seed'> & Readonly<{ signal: AbortSignal }>,
): Promise<Recording> {
  const sequences = new Map<string, { startedAt: number; tokensAt: number[] }>()
  const batches: Record<string, number[]> = {}
  const operators: Record<string, number> = {}
  let peakRssBytes = process.memoryUsage.rss()
  const watch = setInterval(() => {
    peakRssBytes = Math.max(peakRssBytes, process.memoryUsage.rss())
  }, RSS_EVERY_MS)
  take()
  const cpuBefore = process.cpuUsage()
  const startedAt = clock()
  try {
    const measured = timed(decoder, {
      clock: () => performance.now(),
      onStep: (times) => {
        for (const { operator, ms } of times) operators[operator] = (operators[operator] ?? 0) + ms
      },
    })
    const run = generate(each(prompts), measured, models, {
      ...options,
      observe: {
        onStart: ({ id }) => sequences.set(id, { startedAt: clock(), tokensAt: [] }),
        onToken: ({ key }) => sequences.get(key.id)?.tokensAt.push(clock()),
        onBatch: (model, { size }) => pushTo(batches, model, size),
      },
    })
    const rows = await lastValueFrom(run.rows({ signal }).pipe(toArray()))
    const endedAt = clock()
    const cpu = process.cpuUsage(cpuBefore)
    const broken = rows.find(({ error }) => error !== null)
    if (broken) throw new RunFailed(`Expected a reply to each prompt, got an error for \`${broken.id}\`: ${broken.error}`)
    const sum = (count: (row: (typeof rows)[number]) => number | null) => rows.reduce((all, row) => all + (count(row) ?? 0), 0)
    return {
      ...{ startedAt, endedAt, batches, operators, peakRssBytes },
      cpuMs: (cpu.user + cpu.system) / 1000,
      rows: rows.map(({ id, promptTokenIds, tokenIds }) => ({
        id,
        promptTokenIds: promptTokenIds ?? [],
        tokenIds: tokenIds ?? [],
      })),
      promptTokens: sum((row) => row.promptTokens),
      completionTokens: sum((row) => row.completionTokens),
      sequences: [...sequences.values()],
      ...take(),
    }
  } finally {
    clearInterval(watch)
  }
}
