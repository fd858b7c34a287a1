import type { Observable, ObservableInput, OperatorFunction } from 'rxjs'
import type { Message, PromptContent, TemplateVariables } from './conversation.js'
import type { DescribedOperator } from './described.js'
import type { AllowedTokens, GrammarSource } from './grammar.js'
import type { Capabilities, LanguageModel, Logits, Need } from './languageModel.js'
import type { Overrides } from './overrides.js'
import type { RewardSource, Source } from './rewardSource.js'

export type { TextMessage } from './conversation.js'
export type { Capabilities, LanguageModel, Logits, Message, Need, PromptContent, TemplateVariables }

/** One sequence at one moment: a prompt and the tokens decoded so far. Immutable; `key` stays the same while a sequence grows (caches hang on it), a fork gets a new one. */
export type Sequence = Readonly<{
  key: object
  promptId: string
  sample: number
  seed: number
  /** What the token ids were made of: a model with another vocabulary or template renders it anew. */
  prompt: PromptContent
  promptTokenIds: readonly number[]
  /** Decoded tokens, without the prompt's. */
  tokenIds: readonly number[]
}>

/** A reward as operators see it: one sequence at a time. */
export interface Reward {
  readonly name: string
  /** As a reward model's: `logprob` of an autoregressive one. */
  readonly unit?: 'reward' | 'logprob'
  /** Of an ensemble: the names of the rewards that it is made of. */
  readonly members?: readonly string[]
  /** One reward a candidate, each candidate appended to `sequence`: Float32[candidateIds.length]. */
  score(sequence: Sequence, candidateIds: Int32Array): ObservableInput<Float32Array>
  /** The reward of the whole sequence. */
  value(sequence: Sequence): ObservableInput<number>
  release?(sequence: Sequence): void
}

/**
 * Models as a decoder receives them. `rewards` and `lms`, further language models, are keyed by name, members of ensembles come last;
 * `reward` is the first one.
 */
export type DecoderModels = Readonly<{
  lm: LanguageModel
  lms: ReadonlyMap<string, LanguageModel>
  rewards: ReadonlyMap<string, Reward>
  reward?: Reward
}>

/** A step before anything was decided. */
export type LogitsStep = Readonly<{ sequence: Sequence; logits: Logits }>

/** A step with k candidates, best logit first. `scores` start as `tokenLogits`; operators add to them. */
export type Candidates = Readonly<{ sequence: Sequence; tokenIds: Int32Array; tokenLogits: Float32Array; scores: Float32Array }>

/** Candidates with the rewards of each reward model: `rewards[name]` is Float32[k]. */
export type Rewarded = Candidates & Readonly<{ rewards: Readonly<Record<string, Float32Array>> }>

/** A decided step: candidate `index`, which is token `tokenId`. */
export type Selected = Candidates & Readonly<{ index: number; tokenId: number; rewards?: Readonly<Record<string, Float32Array>> }>

/**
 * One step of one sequence: logits in, a decided step out. `steps(…)` gives one that knows its `spec`, what it `need`s of the
 * logits and the `operators` it is made of; a bare `pipe` needs all.
 */
export type StepOperator = OperatorFunction<LogitsStep, Selected> &
  Readonly<{ spec?: DecoderSpec; need?: Need; operators?: readonly DescribedOperator<never, unknown>[] }>

/** One step of decoding, given the models. */
export type Decoder = (models: DecoderModels) => StepOperator

/** The decoder as data: `{ steps: [{ topK: { k: 10 } }, …] }`. Written into every output file. */
export type DecoderSpec = Readonly<{ name?: string; steps: readonly Readonly<Record<string, unknown>>[] }>

/** A prompt as a source gives it. A broken one carries `error` instead of content and becomes an error row. */
export type Prompt = Readonly<{
  id: string
  /** File and row number, such as `prompts.jsonl:12`: what a second row of the same id is called. */
  place?: string
  content?: PromptContent
  error?: string
  /** Stop strings of this row, besides the run's. */
  stop?: readonly string[]
  /** What this row sets in place of the run's; a bad one makes it an error row. */
  overrides?: Overrides
  /** What the user wrote, of a text that a template was put around. */
  userMessage?: string
  /** Columns of the input that go into the row unchanged, where asked. */
  input?: Readonly<Record<string, unknown>>
}>

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

/** What went into a run, its models by their roles; written into every output file. Equal `spec` and `models` mean the same answers. */
export type RunMeta = Readonly<{
  version: string
  spec: Readonly<Record<string, unknown>>
  seed: number
  models: Readonly<Record<string, Source>>
  /** Functions without a version and models without a hash: of these nobody can tell later whether they are still the same. */
  missingVersions?: readonly string[]
}>

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

/** Text to token ids and back, for one vocabulary. */
export interface TextCodec {
  /** Token ids of text as it stands; the special tokens that the tokenizer itself adds are added when `special` is true. */
  encode(text: string, special: boolean): number[]
  /** Text of token ids; special tokens are left out when `skipSpecial` is true. An incomplete character at the end is U+FFFD. */
  decode(tokenIds: readonly number[], skipSpecial: boolean): string
  /** Byte tokens, a run of which has its text only once it has ended; absent where there are none. */
  readonly byteTokenIds?: ReadonlySet<number>
  /** Messages in the chat template's words, an open reply at the end; `TemplateError` where there is no template or it refuses. */
  render(messages: readonly Message[], variables?: TemplateVariables): string
  /** Tokens that a grammar allows, end tokens where it may end; absent where the codec cannot tell, `OptionError` for a tokenizer without bytes. */
  grammar?(source: GrammarSource, endTokenIds: readonly number[]): AllowedTokens
  readonly vocabSize: number
  /** What of its files is not applied, in words. */
  readonly notices?: readonly string[]
  /** Equal fingerprints: the same token ids for the same prompt (tokenizer and template alike). */
  readonly fingerprint: string
}

/** A call of a batched language model. `upTo`: read the first so many tokens ahead, nothing is asked of them (no logits). */
export type LogitsCall = Readonly<{ sequence: Sequence; need: Need; upTo?: number }>

/** A call for last hidden states: of every position of `sequence`, and of each candidate appended to it. */
export type StatesCall = Readonly<{ sequence: Sequence; candidateIds: Int32Array }>

/**
 * A call of a batched reward model, in its own token ids: rewards read at the last token of each branch appended to `tokenIds`;
 * an empty branch is read at the last of `tokenIds`. Of a model whose unit is `logprob`: the sum of the log-probabilities of each
 * branch's tokens, every one given `tokenIds` and those of the branch before it. `key` is what its cache hangs on. `upTo`: as in LogitsCall (no rewards).
 */
export type RewardCall = Readonly<{
  key: object
  tokenIds: readonly number[]
  branches: readonly (readonly number[])[]
  upTo?: number
}>

/** A language model as it is loaded: batched calls, and what is needed to talk to it. */
export interface BatchedLanguageModel {
  readonly capabilities: Capabilities
  readonly codec: TextCodec
  readonly contextLength: number
  readonly endTokenIds: readonly number[]
  readonly stopStrings: readonly string[]
  readonly maxBatch: number
  /** A long prompt may be read ahead by calls that end at multiples of this; unless given, it comes in one call. */
  readonly chunk?: number
  /** Calls are requests of their own: each goes when it comes and waits for no other; `release` ends one that is under way. */
  readonly sideBySide?: boolean
  run(calls: readonly LogitsCall[]): Promise<Logits[]>
  /** Of each call one state a position, then one a candidate; absent where `capabilities.hiddenStates` is false. */
  hiddenStates?(calls: readonly StatesCall[]): Promise<Float32Array[][]>
  release(key: object): void
}

/** A reward model as it is loaded. */
export interface BatchedRewardModel {
  readonly name: string
  /** What a call gives: a reward of the whole sequence (unless given), or log-probabilities of its branches (an autoregressive reward model). */
  readonly unit?: 'reward' | 'logprob'
  readonly codec: TextCodec
  readonly contextLength: number
  readonly maxBatch: number
  /** As a language model's. */
  readonly chunk?: number
  run(calls: readonly RewardCall[]): Promise<Float32Array[]>
  release(key: object): void
}

/** Loaded models with their hashes; `close` ends their workers. */
export interface Models {
  readonly lm: BatchedLanguageModel
  /** Further language models by name, of the same tokenizer. */
  readonly lms?: Readonly<Record<string, BatchedLanguageModel>>
  readonly rewards: readonly RewardSource[]
  readonly hashes: RunMeta['models']
  close(): Promise<void>
}
