import type { LinearWork } from '../../models/linearWork.js'
import type { ServerRequest, SessionRun, Trip } from '../../models/runtime/watch.js'

/** Events of one measured setting. Times are milliseconds since the epoch. */
export type Recording = Readonly<{
  startedAt: number
  endedAt: number
  promptTokens: number
  completionTokens: number
  /** For each prompt: its start, and the time of each token. */
  sequences: readonly Readonly<{ startedAt: number; tokensAt: readonly number[] }>[]
  /** By model. */
  runs: Readonly<Record<string, readonly SessionRun[]>>
  trips: Readonly<Record<string, readonly Trip[]>>
  /** Answered requests to servers. */
  requests: Readonly<Record<string, readonly ServerRequest[]>>
  /** Calls in each batch, by model. */
  batches: Readonly<Record<string, readonly number[]>>
  /** Milliseconds in each operator, over all steps of all sequences. */
  operators: Readonly<Record<string, number>>
  peakRssBytes: number
  /** Processor time of the process, all threads together. */
  cpuMs: number
  /** Replies in the order in which they finished. */
  rows: readonly Readonly<{ id: string; promptTokenIds: readonly number[]; tokenIds: readonly number[] }>[]
}>

type Spread = Readonly<{ p50: number | null; p95: number | null }>
/** Values by name of model or operator. */
type ByName<T> = Readonly<Record<string, T>>

/** Figures of a setting. Shares are parts of the wall time. Models may run at the same time, so their shares may add up to more than 1. */
export type Figures = Readonly<{
  seconds: number
  prompt_tokens: number
  completion_tokens: number
  tokens_per_second: number
  prompt_tokens_per_second: number
  /** From the second token on, over the time in which at least one sequence is between its first and last token. */
  decode_tokens_per_second: number
  time_to_first_token_ms: Spread
  /** Time between two tokens of a sequence. */
  time_per_token_ms: Spread
  run_share: ByName<number>
  lm_prefill_share: number
  /** Wall time in which no model ran. */
  outside_run_share: number
  /** Parts of it: in workers outside of runs (cache, masks, top k), on the way to or from a worker, and the rest. */
  outside_share: Readonly<{ workers: number; messages: number; operators: number }>
  /** Mean time of a step in each operator in ms, including the wait for a model and its batch. */
  operator_ms: ByName<number>
  /** Floating-point operations of the linear layers over the time in runs, in 10^9 per second. */
  gflops: ByName<number>
  mean_batch: ByName<number>
  /** Number of batches by number of calls. */
  batch_sizes: ByName<Readonly<Record<string, number>>>
  /** Bytes of the KV cache over the bytes that its tokens need, at the peak. */
  cache_overhead: ByName<number>
  /** Requests to servers: how many, of how many prompts or texts on average, and how long they took. */
  requests: ByName<Readonly<{ count: number; mean_items: number; ms: Spread }>>
  /** Bytes to the GPU and back over the whole run, by model. */
  gpu_bytes: ByName<Readonly<{ up: number; down: number }>>
  peak_rss_bytes: number
  /** Processor time of the process, all threads together, over the tokens. */
  cpu_ms_per_token: number
}>

/**
 * Computes the figures of a setting.
 *
 * @param work cost of a run, by model
 */
export function figuresOf(recording: Recording, work: ByName<LinearWork> = {}): Figures {
  const { startedAt, endedAt, sequences, runs, batches, promptTokens, completionTokens } = recording
  const wall = endedAt - startedAt
  const share = (ms: number) => (wall > 0 ? ms / wall : 0)
  const perSecond = (count: number) => (wall > 0 ? (1000 * count) / wall : 0)
  const firsts = sequences.flatMap(({ startedAt: begun, tokensAt }) => tokensAt.slice(0, 1).map((at) => at - begun))
  const gaps = sequences.flatMap(({ tokensAt }) => tokensAt.slice(1).map((at, index) => at - tokensAt[index]!))
  const decoding = sequences.flatMap(({ tokensAt }) =>
    tokensAt.length > 1 ? [{ startedAt: tokensAt[0]!, endedAt: tokensAt.at(-1)! }] : [],
  )
  const trips = Object.values(recording.trips).flat()
  const inRuns = unionMs(Object.values(runs).flat())
  const inWorkers = unionMs(trips.map(({ receivedAt, answeredAt }) => ({ startedAt: receivedAt, endedAt: answeredAt })))
  const underWay = unionMs(trips.map(({ postedAt, arrivedAt }) => ({ startedAt: postedAt, endedAt: arrivedAt })))
  const prefills = (runs.lm ?? []).filter(({ rows, tokens }) => tokens > rows)
  return {
    seconds: wall / 1000,
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    tokens_per_second: perSecond(completionTokens),
    prompt_tokens_per_second: perSecond(promptTokens),
    decode_tokens_per_second: gaps.length === 0 ? 0 : (1000 * gaps.length) / unionMs(decoding),
    time_to_first_token_ms: spread(firsts),
    time_per_token_ms: spread(gaps),
    run_share: mapValues(runs, (each) => share(unionMs(each))),
    lm_prefill_share: share(unionMs(prefills)),
    outside_run_share: 1 - share(inRuns),
    outside_share: {
      workers: share(inWorkers - inRuns),
      messages: share(underWay - inWorkers),
      operators: 1 - share(underWay),
    },
    operator_ms: mapValues(recording.operators, (ms) => ms / Math.max(1, completionTokens)),
    gflops: mapValues(work, ({ flops }, model) => gflopsOf(runs[model] ?? [], flops)),
    mean_batch: mapValues(batches, (sizes) => sizes.reduce((sum, size) => sum + size, 0) / Math.max(1, sizes.length)),
    batch_sizes: mapValues(batches, countSizes),
    cache_overhead: cacheOverheads(runs),
    requests: mapValues(recording.requests, (each) => ({
      count: each.length,
      mean_items: each.reduce((sum, { items }) => sum + items, 0) / each.length,
      ms: spread(each.map(({ startedAt: from, endedAt: to }) => to - from)),
    })),
    gpu_bytes: gpuBytes(runs),
    peak_rss_bytes: recording.peakRssBytes,
    cpu_ms_per_token: recording.cpuMs / Math.max(1, completionTokens),
  }
}

function gpuBytes(runs: Recording['runs']): Record<string, { up: number; down: number }> {
  const sums = mapValues(runs, (each) =>
    each.reduce((sum, { traffic }) => ({ up: sum.up + (traffic?.up ?? 0), down: sum.down + (traffic?.down ?? 0) }), {
      up: 0,
      down: 0,
    }),
  )
  return Object.fromEntries(Object.entries(sums).filter(([, { up }]) => up > 0))
}

function cacheOverheads(runs: Recording['runs']): Record<string, number> {
  const fullest = (each: readonly SessionRun[]) =>
    each.flatMap(({ cache }) => cache ?? []).reduce((a, b) => (b.needed > a.needed ? b : a), { bytes: 0, needed: 0 })
  return Object.fromEntries(
    Object.entries(runs).flatMap(([model, each]) => {
      const { bytes, needed } = fullest(each)
      return needed > 0 ? [[model, bytes / needed]] : []
    }),
  )
}

function gflopsOf(runs: readonly SessionRun[], flops: LinearWork['flops']): number {
  const ms = unionMs(runs)
  return ms > 0 ? runs.reduce((sum, run) => sum + flops(run), 0) / ms / 1e6 : 0
}

/** Milliseconds in which at least one of the runs was active. */
export function unionMs(runs: readonly Pick<SessionRun, 'startedAt' | 'endedAt'>[]): number {
  let total = 0
  let until = -Infinity
  for (const { startedAt, endedAt } of runs.toSorted((a, b) => a.startedAt - b.startedAt)) {
    total += Math.max(0, endedAt - Math.max(startedAt, until))
    until = Math.max(until, endedAt)
  }
  return total
}

/** Percentile by nearest rank; null without values. */
export function percentile(values: readonly number[], share: number): number | null {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null
}

const spread = (values: readonly number[]): Spread => ({ p50: percentile(values, 0.5), p95: percentile(values, 0.95) })

const mapValues = <T, U>(values: ByName<T>, change: (value: T, name: string) => U): ByName<U> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value, name)]))

function countSizes(sizes: readonly number[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const size of sizes) counts[size] = (counts[size] ?? 0) + 1
  return counts
}
