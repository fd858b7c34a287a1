import type { Observable } from 'rxjs'
import type { BatchedLanguageModel } from './batched.js'
import type { RewardSource, Source } from './rewardSource.js'

export type FinishReason = 'stop' | 'length' | 'error'

/** Candidates of one step, for `--trace`. `otherRewards` is as in `Row`. */
export type TracedStep = Readonly<{
  tokenIds: Int32Array
  logits: Float32Array
  rewards?: Float32Array
  otherRewards?: Readonly<Record<string, Float32Array>>
  scores: Float32Array
}>

/** A finished sample of a prompt. Field names are the Parquet columns in camelCase. */
export type Row = Readonly<{
  id: string
  sample: number
  prompt: string | null
  /** The user's last message as written, if `prompt` holds more than that. */
  userMessage?: string
  completion: string | null
  promptTokenIds: readonly number[] | null
  tokenIds: readonly number[] | null
  finishReason: FinishReason
  error: string | null
  /** First reward of the prompt and the reply up to its stop; null without a reward. */
  reward: number | null
  /** First reward of the chosen token at each step; null if the decoder does not score candidates. */
  rewards: readonly number[] | null
  /** The same two of each further reward, by name: the columns `reward_NAME` and `rewards_NAME`. */
  otherRewards?: Readonly<Record<string, Readonly<{ reward: number | null; rewards: readonly number[] | null }>>>
  logits: readonly number[] | null
  scores: readonly number[] | null
  seed: number | null
  promptTokens: number | null
  /** How many tokens the prompt lost on its left; absent if it is whole. */
  truncatedTokens?: number
  completionTokens: number | null
  /** Milliseconds since the epoch. */
  startedAt: number
  durationMs: number
  /** Hash of the prompt as read, the row's own settings and the kept columns. A row with another hash is another row. */
  promptHash: string
  trace?: readonly TracedStep[]
  /** The prompt's own columns, if the run keeps them. */
  input?: Readonly<Record<string, unknown>>
}>

/** Key of a row. A run has one row per prompt and sample. */
export type RowKey = Readonly<{ id: string; sample: number }>

/** A finished row as evaluation reads it. */
export type Reply = Readonly<
  Pick<Row, 'id' | 'sample' | 'prompt' | 'completion' | 'promptTokenIds' | 'tokenIds' | 'finishReason' | 'reward'> & {
    /** Further rewards by name. */
    otherRewards?: Readonly<Record<string, number | null>>
  }
>

/** Origin of a run's reward. Equal functions and models have an equal `identity`; `about` describes it in words. */
export type RewardKind = Readonly<{ identity: string; about: string }>

type Numbers = readonly (number | null)[]

/** Candidates of one step as read from a row, usually likeliest first. Numbers that were not finite are null. */
export type ReadStep = Readonly<{
  tokenIds: readonly number[]
  logits: Numbers
  /** By the name of the reward; holds the rewards that scored these candidates. */
  rewards: Readonly<Record<string, Numbers>>
  scores: Numbers
}>

/** A finished row with the candidates of its steps; `trace` is null if the row has none. */
export type TracedReply = Reply & Readonly<{ error: string | null; trace: readonly ReadStep[] | null }>

/** What a run was made from, with its models by role. Every output file holds it. Equal `spec`, `seed` and `models` give equal replies. */
export type RunMeta = Readonly<{
  version: string
  spec: Readonly<Record<string, unknown>>
  seed: number
  models: Readonly<Record<string, Source>>
  /** Functions without a version and models without a hash. Nobody can tell later whether these have changed. */
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
  /** Returns true for a row that need not be made again. */
  done?: ((row: RowKey & Pick<Row, 'promptHash'>) => boolean) | undefined
  signal?: AbortSignal | undefined
}>

/** A row with its receipt. A call of `taken` opens the place of its prompt for the next one. */
export type Delivery = Readonly<{ row: Row; taken: () => void }>

/** A run that starts when somebody subscribes. Rows come in the order in which they finish. */
export interface Run extends AsyncIterable<Row> {
  readonly meta: RunMeta
  /** Rows with their receipts, for sinks that write. */
  deliveries(options?: RowsOptions): Observable<Delivery>
  /** Rows; each counts as taken once it is emitted. */
  rows(options?: RowsOptions): Observable<Row>
}

/** Version of this package. Every output file holds it. */
export const version = '0.1.0'
