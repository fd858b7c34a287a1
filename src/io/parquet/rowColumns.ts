import type { Row, RunMeta, TracedStep } from '../../core/run.js'
import type { Columns } from './columns.js'

const base: Columns = {
  id: { type: 'UTF8', required: true },
  sample: { type: 'INT32', required: true },
  prompt: { type: 'UTF8' },
  user_message: { type: 'UTF8' },
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
  truncated_tokens: { type: 'INT32' },
  completion_tokens: { type: 'INT32' },
  started_at: { type: 'TIMESTAMP_MILLIS' },
  duration_ms: { type: 'INT64' },
  prompt_hash: { type: 'UTF8' },
}

const trace: Columns = {
  candidate_ids: { type: 'INT32', lists: 2 },
  candidate_logits: { type: 'FLOAT', lists: 2 },
  candidate_rewards: { type: 'FLOAT', lists: 2 },
  candidate_scores: { type: 'FLOAT', lists: 2 },
}

const input: Columns = { input: { type: 'JSON' } }

/** The columns of further rewards, by the prefix of their names. */
const perReward: Columns = {
  reward_: { type: 'DOUBLE' },
  rewards_: { type: 'FLOAT', lists: 1 },
  candidate_rewards_: { type: 'FLOAT', lists: 2 },
}

/** The columns of a part file whose records have these names. Further rewards, `--trace` and kept columns add to the base. */
export function columnsOf(names: ReadonlySet<string>): Columns {
  const others = [...names].flatMap((name) => {
    const kind = Object.keys(perReward).find((start) => name.startsWith(start))
    return kind === undefined ? [] : [[name, perReward[kind]!] as const]
  })
  return {
    ...base,
    ...(names.has('candidate_ids') ? trace : {}),
    ...Object.fromEntries(others),
    ...(names.has('input') ? input : {}),
  }
}

/** Columns that every part of a run has, whatever its rows are. */
export function columnNames({ spec: { rewards, trace: traced, keepInput } }: RunMeta): string[] {
  const others = Array.isArray(rewards) ? rewards.slice(1) : []
  const kinds = Object.keys(perReward).filter((kind) => traced === true || kind !== 'candidate_rewards_')
  return [
    ...(traced === true ? ['candidate_ids'] : []),
    ...kinds.flatMap((kind) => others.map((name) => `${kind}${name}`)),
    ...(keepInput === true ? ['input'] : []),
  ]
}

/** A value that is no number stays, so that the column refuses it by name. */
const finite = (value: number | null): number | null =>
  typeof value === 'number' && !Number.isFinite(value) ? null : (value ?? null)
/** Gives the array itself if it can stay as it is: a copy of each list would cost as much as its encoding. */
const list = (values: ArrayLike<number> | null | undefined): unknown => {
  const isList = Array.isArray(values)
  if (!isList && !ArrayBuffer.isView(values)) return values ?? null
  return isList && values.every(Number.isFinite) ? values : Array.from(values as ArrayLike<number>, finite)
}
const lists = (steps: readonly TracedStep[], of: (step: TracedStep) => ArrayLike<number> | undefined) =>
  Array.isArray(steps) ? steps.map((step) => list(of(step))) : steps

/** The columns of further rewards, each named after its reward. */
function othersOf(otherRewards: NonNullable<Row['otherRewards']>, steps: Row['trace']): Record<string, unknown> {
  const columns = Object.entries(otherRewards).map(([name, { reward, rewards }]) => ({
    [`reward_${name}`]: finite(reward),
    [`rewards_${name}`]: list(rewards),
    ...(steps && { [`candidate_rewards_${name}`]: lists(steps, (step) => step.otherRewards?.[name]) }),
  }))
  return Object.assign({}, ...columns) as Record<string, unknown>
}

/** Converts a row to plain values under Parquet column names. Numbers that are not finite become null, `started_at` a Date. */
export function recordOf(row: Row): Record<string, unknown> {
  const { trace: steps, otherRewards, input } = row
  const record: Record<string, unknown> = {
    id: row.id,
    sample: row.sample,
    prompt: row.prompt,
    user_message: row.userMessage ?? null,
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
    truncated_tokens: row.truncatedTokens ?? null,
    completion_tokens: row.completionTokens,
    started_at: new Date(row.startedAt),
    duration_ms: Math.round(row.durationMs),
    prompt_hash: row.promptHash,
  }
  if (steps)
    Object.assign(record, {
      candidate_ids: lists(steps, ({ tokenIds }) => tokenIds),
      candidate_logits: lists(steps, ({ logits }) => logits),
      candidate_rewards: lists(steps, ({ rewards }) => rewards),
      candidate_scores: lists(steps, ({ scores }) => scores),
    })
  if (otherRewards) Object.assign(record, othersOf(otherRewards, steps))
  if (input) record.input = input
  return record
}
