import type { Histogram } from 'prom-client'
import { optionalPackage } from '../core/errors.js'
import type { RunObserver, TimeSpan } from '../core/observe/observer.js'
import type { RunMeta } from '../core/run.js'

/** A run of a model's session, as `loadModels` reports it: the bytes of its KV cache, and those that its tokens fill. */
type SessionReport = Readonly<{ cache?: Readonly<{ bytes: number; needed: number }> }>

/** Callbacks of `loadModels`. A request to a server counts as a batch of its items. */
export type LoadObserver = Readonly<{
  onRun: (model: string, run: SessionReport) => void
  onRequest: (model: string, request: TimeSpan & Readonly<{ items: number }>) => void
}>

/** Figures of a process for Prometheus. */
export type Metrics = Readonly<{
  contentType: string
  text: () => Promise<string>
  /** The figures as data, for `sumWith` of another process. */
  data: () => Promise<readonly object[]>
  /** As `text`, added up with the figures of another process. */
  sumWith: (data: readonly object[]) => Promise<string>
  observer: Required<Pick<RunObserver, 'onBegin' | 'onBatch' | 'onQueue' | 'onPrompt' | 'onToken' | 'onRow'>>
  load: LoadObserver
  addTokens: (kind: 'prompt' | 'completion', count: number) => void
  /** Registers a further figure; values have the labels in this order. */
  counter: (name: string, help: string, labelNames: readonly string[]) => (...labels: readonly string[]) => void
  histogram: (figure: HistogramFigure) => (value: number, ...labels: readonly string[]) => void
  gauge: (name: string, help: string, read: () => number) => void
}>

type HistogramFigure = Readonly<{ name: string; help: string; labelNames: readonly string[]; buckets: readonly number[] }>

const SIZES = [1, 2, 4, 8, 16, 32, 64, 128]
const BATCH_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5]
const ROW_SECONDS = [0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800]
/** Rewards have no unit and either sign. */
const REWARDS = [-100, -50, -20, -10, -5, -2, -1, -0.5, 0, 0.5, 1, 2, 5, 10, 20, 50, 100]

/**
 * Collects figures for Prometheus.
 *
 * @param feature what needs prom-client, for the message if it is not installed
 * @throws OptionError without prom-client
 */
export async function collectMetrics(feature: string): Promise<Metrics> {
  const client = await optionalPackage(() => import('prom-client'), feature, 'prom-client')
  const { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Histogram, Registry } = client.default ?? client
  const register = new Registry()
  const registers = [register]
  collectDefaultMetrics({ register })

  const histogramOf = ({ name, help, labelNames, buckets }: HistogramFigure): Histogram =>
    new Histogram({ name, help, registers, labelNames: [...labelNames], buckets: [...buckets] })
  const histogram: Metrics['histogram'] = (figure) => {
    const own = histogramOf(figure)
    return (value, ...labels) => own.labels(...labels).observe(value)
  }
  const counter: Metrics['counter'] = (name, help, labelNames) => {
    const own = new Counter({ name, help, registers, labelNames: [...labelNames] })
    return (...labels) => own.labels(...labels).inc()
  }
  const byModel = { labelNames: ['model'] }

  const tokens = new Counter({
    ...{ name: 'rxargs_tokens_total', help: 'Tokens of prompts and completions', registers },
    labelNames: ['kind'],
  })
  const completionTokens = tokens.labels('completion')
  const batchSize = histogram({ name: 'rxargs_batch_size', help: 'Calls of a batch, by model', ...byModel, buckets: SIZES })
  const batchSeconds = histogram({
    ...{ name: 'rxargs_batch_seconds', help: 'Time of a batch, by model', ...byModel, buckets: BATCH_SECONDS },
  })
  const queued = new Gauge({
    ...{ name: 'rxargs_queue_length', help: 'Calls that wait for a batch, by model', registers, ...byModel },
  })
  const kvBytes = new Gauge({ name: 'rxargs_kv_cache_bytes', help: 'Bytes of the KV cache, by model', registers, ...byModel })
  const kvUsed = new Gauge({
    ...{ name: 'rxargs_kv_cache_used_bytes', help: 'Bytes of the KV cache that tokens fill, by model', registers, ...byModel },
  })

  return {
    ...{ counter, histogram },
    contentType: register.contentType,
    text: () => register.metrics(),
    data: () => register.getMetricsAsJSON(),
    sumWith: async (data) => AggregatorRegistry.aggregate([await register.getMetricsAsJSON(), data]).metrics(),
    gauge: (name, help, read) => {
      new Gauge({
        ...{ name, help, registers },
        collect() {
          this.set(read())
        },
      })
    },
    addTokens: (kind, count) => tokens.labels(kind).inc(count),
    load: {
      onRun: (model, { cache }) => {
        if (!cache) return
        kvBytes.labels(model).set(cache.bytes)
        kvUsed.labels(model).set(cache.needed)
      },
      onRequest: (model, { startedAt, endedAt, items }) => {
        batchSize(items, model)
        batchSeconds((endedAt - startedAt) / 1000, model)
      },
    },
    observer: {
      ...rowFigures(counter, histogram),
      onBatch: (model, { size, durationMs }) => {
        batchSize(size, model)
        batchSeconds(durationMs / 1000, model)
      },
      onQueue: (model, change) => queued.labels(model).inc(change),
      // The samples of a prompt share it, as in the usage that a server reports.
      onPrompt: ({ key, promptTokens }) => void (key.sample === 0 && tokens.labels('prompt').inc(promptTokens)),
      onToken: () => completionTokens.inc(),
    },
  }
}

/** Figures of rows. They are registered when a run begins, because a server has none. */
function rowFigures(
  counter: Metrics['counter'],
  histogram: Metrics['histogram'],
): Required<Pick<RunObserver, 'onBegin' | 'onRow'>> {
  let first = ''
  let figures: Readonly<Record<'reward' | 'seconds', ReturnType<Metrics['histogram']>> & { count: (reason: string) => void }>
  return {
    onBegin: (meta) => {
      first = firstReward(meta)
      figures ??= {
        count: counter('rxargs_rows_total', 'Finished rows by finish reason', ['finish_reason']),
        reward: histogram({
          ...{ name: 'rxargs_reward', help: 'Reward of a row, by the name of the reward' },
          ...{ labelNames: ['reward'], buckets: REWARDS },
        }),
        seconds: histogram({
          ...{ name: 'rxargs_row_seconds', help: 'Time of a row from its start to its end' },
          ...{ labelNames: [], buckets: ROW_SECONDS },
        }),
      }
    },
    onRow: ({ finishReason, durationMs, reward, otherRewards = {} }) => {
      figures.count(finishReason)
      figures.seconds(durationMs / 1000)
      const rewards = [
        [first, reward] as const,
        ...Object.entries(otherRewards).map(([name, own]) => [name, own.reward] as const),
      ]
      for (const [name, value] of rewards) if (value !== null && Number.isFinite(value)) figures.reward(value, name)
    },
  }
}

/** Name of the reward in the column `reward`: the first of a run, the only one of `score`, or the decoder's own. */
function firstReward({ spec: { rewards, score } }: RunMeta): string {
  const [first] = Array.isArray(rewards) ? rewards : [score]
  return typeof first === 'string' ? first : 'decoder'
}
