import type { RunMeta } from '../../core/run.js'
import type { PartFigures } from '../../io/jobPart.js'
import type { Log } from '../../watch/jsonLog.js'

/** What the worker tells its engine. `prompts` are as `packPrompts` makes them. */
export type ToEngine =
  | Readonly<{ type: 'decode'; output: string; part: number; prompts: string }>
  /** Whether the job is still the worker's, so that its part may be written. */
  | Readonly<{ type: 'write'; isOwn: boolean }>
  | Readonly<{ type: 'stop' }>
  /** Asks for the figures of the engine. */
  | Readonly<{ type: 'figures' }>
  /** Send what is left, and end. */
  | Readonly<{ type: 'end' }>

/** What the engine tells its worker. */
export type FromEngine =
  | Readonly<{ type: 'ready'; meta: RunMeta }>
  /** Rows and tokens since the last report. */
  | Readonly<{ type: 'progress'; rows: number; tokens: number }>
  /** All rows are decoded, and wait to be written. */
  | Readonly<{ type: 'decoded' }>
  | Readonly<{ type: 'done'; figures: PartFigures }>
  | Readonly<{ type: 'failed'; reason: string }>
  /** A record for the worker's log. It comes in order with the other messages, which a line on stderr would not. */
  | Readonly<{ type: 'record'; record: Parameters<Log> }>
  | Readonly<{ type: 'figures'; figures: readonly object[] }>
