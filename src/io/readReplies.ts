import { InputError } from '../core/errors.js'
import type { FinishReason, Reply } from '../core/run.js'
import { readParquet } from './parquet/readParquet.js'
import { parquetFiles, readRows } from './readRows.js'

const reasons: ReadonlySet<unknown> = new Set<FinishReason>(['stop', 'length', 'error'])

export type ReplyOptions = Readonly<{
  /** Texts take most of a row: without a model to read them they stay unread. */
  texts: boolean
  /** Names of further rewards, each in a column `reward_NAME`. */
  rewards?: readonly string[]
}>

const FURTHER = 'reward_'

/** Names of the further rewards that the rows of a run have, besides `reward`. */
export async function furtherRewards(path: string): Promise<string[]> {
  const files = await Promise.all((await parquetFiles(path)).map(readParquet))
  const columns = files.flatMap(({ columns: names }) => names.filter((name) => name.startsWith(FURTHER)))
  return [...new Set(columns)].map((name) => name.slice(FURTHER.length))
}

const numberOf = (value: unknown): number | null => (typeof value === 'number' ? value : null)

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null)
const idsOf = (value: unknown): readonly number[] | null => (Array.isArray(value) ? (value as number[]) : null)

/**
 * Rows of a run's folder, or of one of its part files, as evaluation reads them. One row group is in memory at a time.
 *
 * @throws InputError when there is nothing, or a row that is not of a run
 */
export async function* readReplies(path: string, { texts, rewards = [] }: ReplyOptions): AsyncGenerator<Reply> {
  const columns = ['id', 'sample', 'token_ids', 'finish_reason', 'reward']
  columns.push(...rewards.map((name) => `${FURTHER}${name}`))
  if (texts) columns.push('prompt', 'completion', 'prompt_token_ids')
  for await (const row of readRows(path, columns)) {
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
