import type { Row, TracedStep } from '../../core/types.js'
import { rowToJson } from '../rowToJson.js'
import type { Columns } from './encodeParquet.js'

const base: Columns = {
  id: { type: 'UTF8', required: true },
  sample: { type: 'INT32', required: true },
  prompt: { type: 'UTF8' },
  completion: { type: 'UTF8' },
  prompt_token_ids: { type: 'INT32', lists: 1 },
  token_ids: { type: 'INT32', lists: 1 },
  finish_reason: { type: 'UTF8', required: true },
  error: { type: 'UTF8' },
  reward: { type: 'DOUBLE' },
  rewards: { type: 'FLOAT', lists: 1 },
  logits: { type: 'FLOAT', lists: 1 },
  scores: { type: 'FLOAT', lists: 1 },
  seed: { type: 'INT64' },
  prompt_tokens: { type: 'INT32' },
  completion_tokens: { type: 'INT32' },
  started_at: { type: 'TIMESTAMP_MILLIS' },
  duration_ms: { type: 'INT64' },
}

const trace: Columns = {
  candidate_ids: { type: 'INT32', lists: 2 },
  candidate_logits: { type: 'FLOAT', lists: 2 },
  candidate_rewards: { type: 'FLOAT', lists: 2 },
  candidate_scores: { type: 'FLOAT', lists: 2 },
}

const input: Columns = { input: { type: 'JSON' } }

/** The columns of a part file that holds these records: the same for all but `--trace` and the input's own columns. */
export const columnsOf = (names: ReadonlySet<string>): Columns => ({
  ...base,
  ...(names.has('candidate_ids') ? trace : {}),
  ...(names.has('input') ? input : {}),
})

const finite = (value: number | null): number | null => (value !== null && Number.isFinite(value) ? value : null)
const list = (values: ArrayLike<number> | null | undefined): (number | null)[] | null =>
  values ? Array.from(values, finite) : null
const lists = (steps: readonly TracedStep[], of: (step: TracedStep) => ArrayLike<number> | undefined) =>
  steps.map((step) => list(of(step)))

/** A row under its Parquet column names, as plain values: numbers that are not finite are null, `started_at` is a Date. */
export const recordOf = (row: Row): Record<string, unknown> => ({
  id: row.id,
  sample: row.sample,
  prompt: row.prompt,
  completion: row.completion,
  prompt_token_ids: list(row.promptTokenIds),
  token_ids: list(row.tokenIds),
  finish_reason: row.finishReason,
  error: row.error,
  reward: finite(row.reward),
  rewards: list(row.rewards),
  logits: list(row.logits),
  scores: list(row.scores),
  seed: row.seed,
  prompt_tokens: row.promptTokens,
  completion_tokens: row.completionTokens,
  started_at: new Date(row.startedAt),
  duration_ms: Math.round(row.durationMs),
  ...(row.trace && {
    candidate_ids: lists(row.trace, ({ tokenIds }) => tokenIds),
    candidate_logits: lists(row.trace, ({ logits }) => logits),
    candidate_rewards: lists(row.trace, ({ rewards }) => rewards),
    candidate_scores: lists(row.trace, ({ scores }) => scores),
  }),
  // What JSON has no word for (large integers, bytes) is said as on stdout.
  ...(row.input && { input: JSON.parse(rowToJson(row.input)) }),
})
