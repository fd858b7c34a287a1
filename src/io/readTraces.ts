import { InputError } from '../core/errors.js'
import type { FinishReason, ReadStep, RowKey, RunMeta, TracedReply } from '../core/run.js'
import { readParquet } from './parquet/readParquet.js'
import { readRunParts } from './parquet/readRunParts.js'
import { RUN_KEY, runMeta } from './parquet/runMeta.js'

type Lists = readonly (readonly (number | null)[] | null)[]
type Cells = Readonly<Record<string, unknown>>

const FURTHER = 'candidate_rewards_'
const TEXTS = ['id', 'sample', 'prompt', 'completion', 'prompt_token_ids', 'token_ids', 'finish_reason', 'error', 'reward']
const CANDIDATES = ['candidate_ids', 'candidate_logits', 'candidate_rewards', 'candidate_scores']

/** A row with the candidates of its steps, and the metadata of its run. */
export type FoundTrace = Readonly<{ reply: TracedReply; meta: RunMeta }>

/**
 * Reads those rows of a run's folder that the caller wants, with the candidates of their steps. It asks once per key, and reads only the key of
 * other rows.
 *
 * @throws InputError if there are no rows, a file is no part of a run, the rows come from several runs, or a row is there twice
 */
export async function* readTraces(path: string, matches: (key: RowKey) => boolean): AsyncGenerator<FoundTrace> {
  for (const one of (await readRunParts(path)).files) {
    const file = await readParquet(one)
    const meta = runMeta(file.metadata)
    if (!meta)
      throw new InputError(`Expected ${one.name} to be a part of a run of rxargs, found no \`${RUN_KEY}\` in its metadata`)
    const numbers = new Set<number>()
    let number = 0
    for await (const { id, sample } of file.records(['id', 'sample'])) {
      if (matches({ id: String(id), sample: Number(sample) })) numbers.add(number)
      number++
    }
    if (numbers.size === 0) continue
    const others = file.columns.filter((column) => column.startsWith(FURTHER))
    const columns = [...TEXTS, ...CANDIDATES, ...others]
    for await (const row of file.records(columns, numbers)) yield { reply: replyOf(row, others, meta), meta }
  }
}

function replyOf(row: Cells, others: readonly string[], { spec: { rewards } }: RunMeta): TracedReply {
  const first = Array.isArray(rewards) && rewards.length > 0 ? String(rewards[0]) : 'reward'
  const columns = [
    [first, 'candidate_rewards'],
    ...others.map((column) => [column.slice(FURTHER.length), column] as const),
  ] as const
  const steps = row.candidate_ids as Lists | null | undefined
  const listAt = (column: string, step: number) => (row[column] as Lists | null | undefined)?.[step] ?? null
  return {
    id: row.id as string,
    sample: row.sample as number,
    prompt: row.prompt as string | null,
    completion: row.completion as string | null,
    promptTokenIds: row.prompt_token_ids as number[] | null,
    tokenIds: row.token_ids as number[] | null,
    finishReason: row.finish_reason as FinishReason,
    error: row.error as string | null,
    reward: row.reward as number | null,
    trace:
      steps?.map(
        (tokenIds, step): ReadStep => ({
          tokenIds: (tokenIds ?? []) as readonly number[],
          logits: listAt('candidate_logits', step) ?? [],
          rewards: Object.fromEntries(
            columns.flatMap(([name, column]) => {
              const values = listAt(column, step)
              return values ? [[name, values]] : []
            }),
          ),
          scores: listAt('candidate_scores', step) ?? [],
        }),
      ) ?? null,
  }
}
