import type { Context, Tracer } from '@opentelemetry/api'
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace'
import { optionalPackage } from '../core/errors.js'
import { type CallReport, clock, type RunObserver, type TimeSpan } from '../core/observe/observer.js'
import type { Row, RowKey, RunMeta } from '../core/run.js'
import { hash } from '../core/uniform.js'
import { type RowTimes, type TraceSpan, traceSpans } from './traceSpans.js'

export type CollectorOptions = Readonly<{
  /** Address of an OpenTelemetry collector. Traces go to `/v1/traces` there unless the address has a path. */
  url: string
  /** Share of the prompts that are traced, from 0 to 1; by default the first 100 and one in 100 after them. */
  sample?: number | undefined
  onNotice: (notice: string) => void
}>

export type Traces = Readonly<{
  observer: RunObserver
  /** Sends what is left, and gives up after a few seconds. */
  close: () => Promise<void>
}>

export const TRACE_PACKAGES =
  '@opentelemetry/api@1.9 @opentelemetry/sdk-trace@2 @opentelemetry/resources@2 @opentelemetry/exporter-trace-otlp-http@0.223'

const FIRST_ROWS = 100
const LATER_SHARE = 0.01
/** Keeps this choice apart from those of shards and random numbers, which also hash the id. */
const SALT = 0x7472_6163
/** Spans that may wait for the collector, about 50 MB of them. A trace for which there is no room is dropped. */
const MOST_SPANS = 50_000
const SPANS_OF_REQUEST = 2_000
const SEND_EVERY_MS = 1_000
const REQUEST_MS = 5_000
const CLOSE_MS = 3_000

/** What is gathered of a row until it is finished. */
type Gathered = {
  readonly startedAt: number
  prompt?: RowTimes['prompt']
  readonly calls: CallReport[]
  readonly texts: TimeSpan[]
  readonly tokensAt: number[]
}

/**
 * Sends a trace of each chosen prompt to a collector, by OTLP over HTTP. Spans are made when a row is finished and sent beside the decoding. A
 * collector that does not answer costs one notice and the traces.
 *
 * @throws OptionError without the packages of OpenTelemetry
 */
export async function openTraces({ url, sample, onNotice }: CollectorOptions): Promise<Traces> {
  const { api, sdk, exporters, resources } = await optionalPackage(
    async () => ({
      api: await import('@opentelemetry/api'),
      sdk: await import('@opentelemetry/sdk-trace'),
      exporters: await import('@opentelemetry/exporter-trace-otlp-http'),
      resources: await import('@opentelemetry/resources'),
    }),
    '--otlp',
    TRACE_PACKAGES,
  )
  const providers: InstanceType<typeof sdk.TracerProvider>[] = []
  const rows = new Map<string, Gathered>()
  const lost = { spans: 0, dropped: 0 }
  let tracer: Tracer | undefined
  let [started, waiting] = [0, 0]
  let reported = false

  const report = (error: Error | undefined): void => {
    if (!reported) onNotice(`The collector at ${url} does not take traces (${causeOf(error)}); the run goes on without them`)
    reported = true
  }
  /** Counts what waits, and tells of a failure once instead of at each request. */
  const counted = (exporter: SpanExporter): SpanExporter => ({
    export: (spans: ReadableSpan[], done) =>
      exporter.export(spans, ({ code, error }) => {
        waiting -= spans.length
        if (code !== 0) {
          lost.spans += spans.length
          report(error)
        }
        done({ code: 0 })
      }),
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  })
  const begin = (meta: RunMeta): void => {
    const exporter = new exporters.OTLPTraceExporter({ url: addressOf(url), timeoutMillis: REQUEST_MS })
    const processor = new sdk.BatchSpanProcessor({
      exporter: counted(exporter),
      ...{ maxQueueSize: 2 * MOST_SPANS, maxExportBatchSize: SPANS_OF_REQUEST },
      ...{ scheduledDelayMillis: SEND_EVERY_MS, exportTimeoutMillis: 2 * REQUEST_MS },
    })
    const named = resources.detectResources({ detectors: [resources.envDetector] })
    const resource = resources
      .defaultResource()
      .merge(resources.resourceFromAttributes(attributesOf(meta)))
      .merge(named)
    const provider = new sdk.TracerProvider({ resource, spanProcessors: [processor] })
    providers.push(provider)
    tracer = provider.getTracer('rxargs', meta.version)
  }
  const isChosen = ({ id }: RowKey): boolean => {
    started++
    if (sample === undefined && started <= FIRST_ROWS) return true
    return hash(id, SALT) < (sample ?? LATER_SHARE) * 2 ** 32
  }
  const emit = ({ name, startedAt, endedAt, attributes, children = [] }: TraceSpan, parent: Context): void => {
    const span = tracer!.startSpan(name, { startTime: startedAt, ...(attributes && { attributes }) }, parent)
    for (const child of children) emit(child, api.trace.setSpan(parent, span))
    span.end(endedAt)
  }
  const send = (times: Gathered, key: RowKey, row: Row | undefined): void => {
    const children = traceSpans({ ...times, isWhole: row !== undefined && row.tokenIds !== null })
    const size = countOf(children) + 1
    if (waiting + size > MOST_SPANS) return void lost.dropped++
    waiting += size
    const span = tracer!.startSpan(
      'prompt',
      { startTime: times.startedAt, attributes: rowAttributes(key, row) },
      api.ROOT_CONTEXT,
    )
    const error = row === undefined ? 'The run ended before the row was finished' : row.error
    if (error !== null) span.setStatus({ code: api.SpanStatusCode.ERROR, message: error })
    for (const child of children) emit(child, api.trace.setSpan(api.ROOT_CONTEXT, span))
    span.end(Math.max(clock(), ...children.map(({ endedAt }) => endedAt)))
  }
  const of = (key: RowKey): Gathered | undefined => rows.get(nameOf(key))

  return {
    observer: {
      onBegin: begin,
      onStart: (key) => {
        if (isChosen(key)) rows.set(nameOf(key), { startedAt: clock(), calls: [], texts: [], tokensAt: [] })
      },
      onPrompt: ({ key, ...prompt }) => {
        const own = of(key)
        if (own) own.prompt = prompt
      },
      onCall: (call) => void of(call.key)?.calls.push(call),
      onText: ({ key, ...text }) => void of(key)?.texts.push(text),
      onToken: ({ key }) => void of(key)?.tokensAt.push(clock()),
      onRow: (row) => {
        const own = of(row)
        if (!own) return
        rows.delete(nameOf(row))
        send(own, row, row)
      },
    },
    close: async () => {
      for (const [name, own] of rows) send(own, keyOf(name), undefined)
      rows.clear()
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<'late'>((resolve) => {
        timer = setTimeout(() => resolve('late'), CLOSE_MS)
      })
      const ended = await Promise.race([Promise.allSettled(providers.map((provider) => provider.shutdown())), late])
      clearTimeout(timer)
      if (ended === 'late' && waiting > 0) {
        lost.spans += waiting
        report(new Error(`no answer within ${CLOSE_MS / 1000} s`))
      }
      if (lost.dropped > 0) onNotice(`${lost.dropped} traces were dropped, because the collector was slower than the run`)
      if (lost.spans > 0) onNotice(`${lost.spans} spans did not reach the collector at ${url}`)
    },
  }
}

const nameOf = ({ id, sample }: RowKey): string => `${sample} ${id}`
const keyOf = (name: string): RowKey => ({ id: name.slice(name.indexOf(' ') + 1), sample: Number.parseInt(name, 10) })

const countOf = (spans: readonly TraceSpan[]): number => spans.reduce((sum, { children = [] }) => sum + 1 + countOf(children), 0)

const causeOf = (error: Error | undefined): string => {
  const { code, message } = (error ?? new Error('unknown error')) as Error & { code?: string | number }
  return code === undefined || message.includes(String(code)) ? message : `${code} ${message}`.trim()
}

/** An address without a path is that of a collector, as in OTEL_EXPORTER_OTLP_ENDPOINT. */
const addressOf = (url: string): string => (new URL(url).pathname === '/' ? new URL('/v1/traces', url).href : url)

/** A run's settings, seed and models as attributes of the resource. Objects are JSON. */
function attributesOf({ version, spec, seed, models }: RunMeta): Readonly<Record<string, string | number | boolean>> {
  const flat = (value: unknown): string | number | boolean =>
    typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
      ? value
      : (JSON.stringify(value) ?? 'null')
  const named = Object.entries(spec).map(([name, value]) => [`rxargs.${snake(name)}`, flat(value)] as const)
  return {
    ...{ 'service.name': 'rxargs', 'service.version': version, 'rxargs.seed': seed, 'rxargs.models': JSON.stringify(models) },
    ...Object.fromEntries(named),
  }
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** A row's columns as attributes of its span. */
function rowAttributes({ id, sample }: RowKey, row: Row | undefined): Readonly<Record<string, string | number>> {
  const columns: Readonly<Record<string, string | number | null | undefined>> = {
    ...{ id, sample, finish_reason: row?.finishReason, prompt_tokens: row?.promptTokens },
    ...{ completion_tokens: row?.completionTokens, reward: row?.reward },
    ...Object.fromEntries(Object.entries(row?.otherRewards ?? {}).map(([name, { reward }]) => [`reward_${name}`, reward])),
  }
  return Object.fromEntries(
    Object.entries(columns).flatMap(([name, value]) =>
      value === null || value === undefined ? [] : [[`rxargs.${name}`, value]],
    ),
  )
}
