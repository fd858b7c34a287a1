import { catchError, defer, filter, identity, map, type Observable, of, tap } from 'rxjs'
import * as z from 'zod'
import { endsRun, messageOf, OptionError } from '../../src/core/errors.js'
import { mergeObservers, observeOption } from '../../src/core/observe/mergeObservers.js'
import type { RunObserver } from '../../src/core/observe/observer.js'
import { parseOptions } from '../../src/core/parseOptions.js'
import type { Prompts } from '../../src/core/prompt.js'
import { type Models, type Row, type RowsOptions, type Run, version } from '../../src/core/run.js'
import type { Decoder } from '../../src/core/step.js'
import type { BoundSearch, Search } from '../decoding/decode.js'
import { builtIn, type Registry } from '../registry/registry.js'
import { beginReading, checkIterable } from './beginReading.js'
import { abortOn, deliver, runOf, tellSkips } from './deliveries.js'
import { checkContext, type Job, jobs, type Truncate, truncations } from './jobs.js'
import { applyKeepInput, keepInputOption } from './keepInput.js'
import { listMissingVersions } from './listMissingVersions.js'
import { replyDecoder } from './replyDecoder.js'
import { rowOptions, rowSettings } from './rowSettings.js'
import { type DecodedRow, emptyTally, errorRow, ownFields, rowOf, tally } from './rows.js'

const aFunction = <T>() =>
  z
    .custom<T>((value) => typeof value === 'function')
    .optional()
    .describe('a function')

export const generateOptions = z.strictObject({
  maxNewTokens: rowOptions.shape.maxNewTokens.default(128).describe('an integer >= 1'),
  maxPromptTokens: rowOptions.shape.maxPromptTokens.optional().describe('an integer >= 1'),
  truncate: rowOptions.shape.truncate.default('error').describe(`one of ${truncations.join(', ')}`),
  samples: z.int().min(1).default(1).describe('an integer >= 1'),
  seed: rowOptions.shape.seed.default(0).describe('an integer from 0 to 9007199254740991'),
  stop: z.array(z.string().min(1)).readonly().default([]).describe('a list of non-empty strings'),
  concurrency: z.int().min(1).default(16).describe('an integer >= 1'),
  trace: z.boolean().default(false).describe('true or false'),
  keepInput: keepInputOption,
  spec: z.record(z.string(), z.unknown()).default({}).describe('an object with what else the rows depend on'),
  registry: z
    .custom<Registry>((value) => typeof value === 'object' && value !== null && 'operators' in value && 'decoders' in value)
    .default(builtIn)
    .describe('operators and decoders by name, for rows with their own decoder'),
  now: aFunction<() => number>(),
  onNotice: aFunction<(notice: string) => void>(),
  observe: observeOption,
})
export type GenerateOptions = Readonly<{
  /** Most tokens of a reply (128). */
  maxNewTokens?: number | undefined
  /** Most tokens of a prompt; by default the context minus `maxNewTokens`. */
  maxPromptTokens?: number | undefined
  /** What happens to a longer prompt: `error` makes an error row (default), `left` drops its first tokens. */
  truncate?: Truncate | undefined
  /** Replies per prompt (1). */
  samples?: number | undefined
  /** Seed of all random numbers (0). */
  seed?: number | undefined
  /** Texts that end a reply, besides the rows' and the model's own. */
  stop?: readonly string[] | undefined
  /** How many prompts to decode at once (16). */
  concurrency?: number | undefined
  /** Whether rows keep the candidates of each step (false). */
  trace?: boolean | undefined
  /**
   * Whether rows keep the columns of their prompts (`input`). By default they keep what is there; with true every part file has the column,
   * and with false no row keeps it.
   */
  keepInput?: boolean | undefined
  /** What else the replies depend on. It is written into the metadata of the output. */
  spec?: Readonly<Record<string, unknown>> | undefined
  /** Operators and decoders that rows can name; by default those of this package. */
  registry?: Registry | undefined
  /** The clock, in milliseconds since the epoch (`Date.now`). */
  now?: (() => number) | undefined
  /** Called with warnings that are no errors, each once. */
  onNotice?: ((notice: string) => void) | undefined
  /** Receives what happens in the run, for progress, logs, metrics and traces. */
  observe?: RunObserver | readonly RunObserver[] | undefined
}>

/**
 * Decodes prompts into rows: exactly one row per prompt and sample, in the order in which they finish. The run starts when somebody
 * subscribes or iterates. An aborted run frees everything and then errors with the signal's reason. If a model is lost, the run fails and
 * blames no prompt.
 *
 * @throws OptionError for an invalid option, and for more tokens than the context holds, for a decoder without the reward it needs or
 *   with a need for more logits than the model returns
 */
export function generate(source: Prompts, decoder: Decoder | Search, models: Models, options: GenerateOptions = {}): Run {
  const { now = Date.now, onNotice, observe, registry, ...settings } = parseOptions(generateOptions, options, 'generate')
  checkParts(source, decoder, models)
  const { source: prompts, spec } = applyKeepInput(source, settings)
  const { maxNewTokens, maxPromptTokens, truncate, samples, seed, stop, concurrency, trace } = settings
  const { codec } = models.lm
  const observer = mergeObservers(observe)
  const { onBegin, onStart, onSkip, onToken, onRow } = observer
  const replies = replyDecoder(models, { onNotice, observe: observer })
  const { bind, scheduled } = replies
  const columns = { trace, rewards: [...scheduled.rewards.keys()] }
  const run = { search: bind(decoder), seed, maxNewTokens, maxPromptTokens, truncate }
  if (samples > 1 && isDeterministic(run.search))
    onNotice?.(
      `The decoder draws no random numbers, so the ${samples} samples of a prompt are equal, unless its row names another decoder`,
    )

  checkContext(settings, replies.contextLength)

  const decodeJob = (job: Job, startedAt: number): Observable<DecodedRow> => {
    const own = rowSettings(job.prompt, { run, registry, reward: columns.rewards[0], bind })
    const { events, text, truncatedTokens } = replies.prepare(job, { ...own, stop: [...stop, ...(job.prompt.stop ?? [])] })
    const key = { id: job.prompt.id, sample: job.sample }
    const sum = emptyTally()
    return events.pipe(
      map((event) => {
        if (event.type === 'step') {
          tally(sum, event.step, columns)
          onToken?.({ key, text: event.text })
          return undefined
        }
        const row = rowOf(sum, text, event.values, { startedAt, durationMs: now() - startedAt }, columns)
        const made = truncatedTokens > 0 ? { ...row, truncatedTokens } : row
        // Keep the reply; only its reward is missing.
        return event.error === undefined ? made : { ...made, finishReason: 'error' as const, error: event.error }
      }),
      filter((made) => made !== undefined),
    )
  }
  const row = (job: Job): Observable<Row> =>
    defer(() => {
      const startedAt = now()
      onStart?.({ id: job.prompt.id, sample: job.sample })
      return defer(() => decodeJob(job, startedAt)).pipe(
        catchError((error: unknown) => {
          // No prompt can continue without its model or without memory: the run fails, and a later run decodes the rest.
          if (endsRun(error)) throw error
          return of(
            errorRow(
              job,
              messageOf(error),
              { startedAt, durationMs: now() - startedAt },
              { codec, seed, rewards: columns.rewards },
            ),
          )
        }),
        map((made): Row => ({ ...made, promptHash: job.promptHash, ...ownFields(job.prompt) })),
        onRow ? tap(onRow) : identity,
      )
    })

  const deliveries: Run['deliveries'] = ({ done, signal }: RowsOptions = {}) =>
    abortOn(
      defer(() => {
        beginReading(source)
        onBegin?.(meta)
        return deliver(jobs(prompts, { samples, done: tellSkips(done, onSkip) }), row, concurrency)
      }),
      signal,
    )
  const missing = listMissingVersions({ spec, decoder: run.search.spec, models, registry })
  const meta = {
    version,
    spec: {
      ...spec,
      decoder: run.search.spec ?? { steps: [{ custom: {} }] },
      rewards: columns.rewards,
      ...functionsOf(models),
      ...{ maxNewTokens, samples, stop, trace },
      ...(maxPromptTokens !== undefined && { maxPromptTokens }),
      ...(truncate !== 'error' && { truncate }),
    },
    seed,
    models: models.hashes,
    ...(missing.length > 0 && { missingVersions: missing }),
  }
  return runOf(meta, deliveries)
}

/** @throws OptionError for a source, a decoder or models of the wrong kind, which JavaScript programs can pass */
function checkParts(source: unknown, decoder: unknown, models: unknown): void {
  const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null
  checkIterable(source)
  if (typeof decoder === 'function' && 'operators' in decoder)
    throw new OptionError('Expected a decoder, such as (models) => steps(…), got the steps themselves')
  if (typeof decoder !== 'function' && !(isObject(decoder) && 'search' in decoder))
    throw new OptionError(`Expected a decoder, such as args(), or a search, got \`${String(decoder)}\``)
  if (!isObject(models) || !('lm' in models) || !isObject(models.lm))
    throw new OptionError('Expected the models that `loadModels` gives, got none with an `lm`')
}

/** Collects the specs of rewards that are functions. */
function functionsOf({ rewards }: Models): Readonly<{ rewardFunctions?: Readonly<Record<string, unknown>> }> {
  const entries = rewards.flatMap((source) => ('spec' in source && source.spec ? [[source.name, source.spec]] : []))
  return entries.length === 0 ? {} : { rewardFunctions: Object.fromEntries(entries) }
}

/** Tells whether all samples of a prompt are equal: greedy selection or beam search. */
const isDeterministic = ({ spec, entry }: BoundSearch): boolean =>
  entry === undefined ? Object.hasOwn(spec?.steps.at(-1) ?? {}, 'selectGreedy') : entry.name === 'beam'
