import type { Observable } from 'rxjs'
import type { BatchedLanguageModel } from './batched.js'
import type { RewardSource, Source } from './rewardSource.js'

export type FinishReason = 'stop' | 'length' | 'error'

/** The candidates of one step, for `--trace`; `otherRewards` as in Row. */
export type TracedStep = Readonly<{
  tokenIds: Int32Array
  logits: Float32Array
  rewards?: Float32Array
  otherRewards?: Readonly<Record<string, Float32Array>>
  scores: Float32Array
}>

/** One prompt and sample, finished. Field names are the Parquet columns in camelCase. */
export type Row = Readonly<{
  id: string
  sample: number
  prompt: string | null
  /** The last message of the user as it was written, where `prompt` is more than that. */
  userMessage?: string
  completion: string | null
  promptTokenIds: readonly number[] | null
  tokenIds: readonly number[] | null
  finishReason: FinishReason
  error: string | null
  /** Of prompt and reply up to the stop, by the first reward; null without one. */
  reward: number | null
  /** Of the chosen token at each step, by the first reward; null for decoders that do not score candidates. */
  rewards: readonly number[] | null
  /** Both of each further reward, by name, where the run has several: the columns `reward_NAME` and `rewards_NAME`. */
  otherRewards?: Readonly<Record<string, Readonly<{ reward: number | null; rewards: readonly number[] | null }>>>
  logits: readonly number[] | null
  scores: readonly number[] | null
  seed: number | null
  promptTokens: number | null
  /** Tokens that the prompt lost at its left to be short enough; absent where it is whole. */
  truncatedTokens?: number
  completionTokens: number | null
  /** Milliseconds since the epoch. */
  startedAt: number
  durationMs: number
  /** Of the prompt as it was read, the row's own settings and the columns that are kept: a row of another hash is another row. */
  promptHash: string
  trace?: readonly TracedStep[]
  /** The prompt's own columns, where asked. */
  input?: Readonly<Record<string, unknown>>
}>

/** The key of a row: one a prompt and sample. */
export type RowKey = Readonly<{ id: string; sample: number }>

/** A finished row as evaluation reads it. */
export type Reply = Readonly<
  Pick<Row, 'id' | 'sample' | 'prompt' | 'completion' | 'promptTokenIds' | 'tokenIds' | 'finishReason' | 'reward'> & {
    /** Of further rewards, by name. */
    otherRewards?: Readonly<Record<string, number | null>>
  }
>

/** What gives a run's reward: `identity` is equal for equal functions and models, `about` says it in words. */
export type RewardKind = Readonly<{ identity: string; about: string }>

type Numbers = readonly (number | null)[]

/** The candidates of one step as a row holds them, likeliest first as a rule; numbers that were not finite are null. */
export type ReadStep = Readonly<{
  tokenIds: readonly number[]
  logits: Numbers
  /** By the rewards' names: those that scored these candidates. */
  rewards: Readonly<Record<string, Numbers>>
  scores: Numbers
}>

/** A finished row with the candidates of its steps; `trace` is null where the row has none. */
export type TracedReply = Reply & Readonly<{ error: string | null; trace: readonly ReadStep[] | null }>

/** What went into a run, its models by their roles; written into every output file. Equal `spec` and `models` mean the same answers. */
export type RunMeta = Readonly<{
  version: string
  spec: Readonly<Record<string, unknown>>
  seed: number
  models: Readonly<Record<string, Source>>
  /** Functions without a version and models without a hash: of these nobody can tell later whether they are still the same. */
  missingVersions?: readonly string[]
}>

/** Loaded models with their hashes; `close` ends their workers. */
export interface Models {
  readonly lm: BatchedLanguageModel
  /** Further language models by name, of the same tokenizer. */
  readonly lms?: Readonly<Record<string, BatchedLanguageModel>>
  readonly rewards: readonly RewardSource[]
  readonly hashes: RunMeta['models']
  close(): Promise<void>
}

export type RowsOptions = Readonly<{
  /** Rows that need not be made again. */
  done?: (row: RowKey & Pick<Row, 'promptHash'>) => boolean
  signal?: AbortSignal
}>

/** A row with its receipt: the place of the prompt opens for the next one when `taken` is called. */
export type Delivery = Readonly<{ row: Row; taken: () => void }>

/** A run that has not started. Rows come in the order in which they finish. */
export interface Run extends AsyncIterable<Row> {
  readonly meta: RunMeta
  /** Rows with their receipts, for sinks that write. */
  deliveries(options?: RowsOptions): Observable<Delivery>
  /** Rows; each counts as taken when it was emitted. */
  rows(options?: RowsOptions): Observable<Row>
}

/** The package's version, as it is written into every output file. */
export const version = '0.1.0'
