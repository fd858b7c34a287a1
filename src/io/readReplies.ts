import * as z from 'zod'
import { InputError } from '../core/errors.js'
import { aPath, parseOptions } from '../core/parseOptions.js'
import type { FinishReason, Reply, RewardKind } from '../core/run.js'
import { readParquet } from './parquet/readParquet.js'
import { readRunParts } from './parquet/readRunParts.js'
import { rewardKinds } from './parquet/rewardKinds.js'
import { runMeta } from './parquet/runMeta.js'
import { parquetFiles } from './readRows.js'

const reasons: ReadonlySet<unknown> = new Set<FinishReason>(['stop', 'length', 'error'])

const readRepliesOptions = z.strictObject({
  texts: z.boolean().describe('true or false'),
  rewards: z.array(z.string().min(1)).readonly().optional().describe('a list of names of rewards'),
})

export type ReplyOptions = Readonly<{
  /** Whether to read completions. They take most of a row, and only models need them. */
  texts: boolean
  /** Names of further rewards, which have columns `reward_NAME`. */
  rewards?: readonly string[] | undefined
}>

const FURTHER = 'reward_'

/** Finds the further rewards of a run, besides `reward`, and the model or function behind each reward, by column. */
export async function runRewards(
  path: string,
): Promise<Readonly<{ rewards: readonly string[]; kinds: Readonly<Record<string, RewardKind>> }>> {
  const files = await Promise.all((await parquetFiles(path)).map((file) => readParquet(file)))
  const meta = runMeta(files[0]!.metadata)
  const columns = files.flatMap(({ columns: names }) => names.filter((name) => name.startsWith(FURTHER)))
  const rewards = [...new Set(columns)].map((name) => name.slice(FURTHER.length))
  return { rewards, kinds: meta ? rewardKinds(meta) : {} }
}

const numberOf = (value: unknown): number | null => (typeof value === 'number' ? value : null)

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null)
const idsOf = (value: unknown): readonly number[] | null => (Array.isArray(value) ? (value as number[]) : null)

/**
 * Reads rows of a run's folder or of one part file for evaluation. One row group is in memory at a time.
 *
 * @throws OptionError for an invalid option
 * @throws InputError (while reading) if there are no rows, rows that come from no run or from several, or a row twice
 */
export function readReplies(path: string, options: ReplyOptions): AsyncGenerator<Reply> {
  parseOptions(z.object({ path: aPath }), { path }, 'readReplies')
  parseOptions(readRepliesOptions, options, 'readReplies')
  return repliesOf(path, options)
}

async function* repliesOf(path: string, { texts, rewards = [] }: ReplyOptions): AsyncGenerator<Reply> {
  const columns = ['id', 'sample', 'prompt', 'token_ids', 'finish_reason', 'reward']
  columns.push(...rewards.map((name) => `${FURTHER}${name}`))
  if (texts) columns.push('completion', 'prompt_token_ids')
  for await (const row of rowsOf(path, columns)) {
    const { id, sample, finish_reason: reason, reward } = row
    if (typeof id !== 'string' || typeof sample !== 'number' || !reasons.has(reason))
      throw new InputError(`Expected ${path} to hold the rows of a run (\`id\`, \`sample\`, \`finish_reason\`), got others`)
    yield {
      ...{ id, sample, finishReason: reason as FinishReason },
      reward: numberOf(reward),
      ...(rewards.length > 0 && {
        otherRewards: Object.fromEntries(rewards.map((name) => [name, numberOf(row[`${FURTHER}${name}`])])),
      }),
      tokenIds: idsOf(row.token_ids),
      prompt: textOf(row.prompt),
      completion: textOf(row.completion),
      promptTokenIds: idsOf(row.prompt_token_ids),
    }
  }
}

async function* rowsOf(path: string, columns: readonly string[]): AsyncGenerator<Record<string, unknown>> {
  for (const file of (await readRunParts(path)).files) yield* (await readParquet(file)).records(columns)
}
