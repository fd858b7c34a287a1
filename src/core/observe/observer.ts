import type { Row, RowKey, RunMeta } from '../run.js'

/** Milliseconds since the epoch, finer than Date and equal in all threads. */
export const clock = (): number => performance.timeOrigin + performance.now()

/** Start and end of some work, by `clock`. */
export type TimeSpan = Readonly<{ startedAt: number; endedAt: number }>

/** A finished batch: the number of its calls, the number still in the queue when it left, and how long it took. */
export type BatchReport = Readonly<{ size: number; waiting: number; durationMs: number }>

/** When a call joined the queue of its model, and when its batch started and ended. Without a queue it starts at once. */
export type CallTimes = TimeSpan & Readonly<{ askedAt: number }>

/** Receives what a scheduler does. */
export type BatchObserver<Call> = Readonly<{
  /** Called after each batch. */
  onBatch?: (report: BatchReport) => void
  /** Called for each call of a batch after it, before its caller gets the result. */
  onCall?: (call: Call, times: CallTimes) => void
  /** Called when calls join the queue or leave it, with their number; that of calls which leave is below 0. */
  onQueue?: (change: number) => void
  /** The clock of the reports, in milliseconds. */
  now?: () => number
}>

/**
 * A call of a model for a row: `lm`, a further language model or a reward by its name. `promptTokens` are those that the model reads for the
 * first time; 0 in a step of a running sequence.
 */
export type CallReport = CallTimes &
  Readonly<{ key: RowKey; model: string; kind: 'logits' | 'states' | 'rewards'; promptTokens: number }>

/**
 * Receives what happens in a run, for logs, metrics and traces. Each function is optional, and what has no function is not measured. The
 * functions are called in the middle of decoding, so they must be quick and must not throw.
 */
export type RunObserver = Readonly<{
  /** The run starts. */
  onBegin?: ((meta: RunMeta) => void) | undefined
  /** A row of this key starts. */
  onStart?: ((key: RowKey) => void) | undefined
  /** The output already has the row of this key. */
  onSkip?: ((key: RowKey) => void) | undefined
  /** The prompt of a row was tokenized. */
  onPrompt?: ((prompt: TimeSpan & Readonly<{ key: RowKey; promptTokens: number }>) => void) | undefined
  /** A token was decoded. `text` is the part of the reply that is final with it: whole characters, together the completion. */
  onToken?: ((token: Readonly<{ key: RowKey; text: string }>) => void) | undefined
  /** A token was turned into text, and stop strings were searched. Comes before the token's `onToken`. */
  onText?: ((text: TimeSpan & Readonly<{ key: RowKey }>) => void) | undefined
  /** A call of a model was answered. */
  onCall?: ((call: CallReport) => void) | undefined
  /** A batch of calls of a model was answered. Servers and functions have no batches here. */
  onBatch?: ((model: string, report: BatchReport) => void) | undefined
  /** So many calls of a model joined its queue; below 0, so many left it. */
  onQueue?: ((model: string, change: number) => void) | undefined
  /** A row is finished. */
  onRow?: ((row: Row) => void) | undefined
}>
