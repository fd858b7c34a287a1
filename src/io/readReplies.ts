import { InputError } from '../core/errors.js'
import type { FinishReason, Reply } from '../core/types.js'
import { readRows } from './readRows.js'

const reasons: ReadonlySet<unknown> = new Set<FinishReason>(['stop', 'length', 'error'])

/** Texts take most of a row: without a model to read them they stay unread. */
export type ReplyOptions = Readonly<{ texts: boolean }>

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null)
const idsOf = (value: unknown): readonly number[] | null => (Array.isArray(value) ? (value as number[]) : null)

/**
 * Rows of a run's folder, or of one of its part files, as evaluation reads them. One row group is in memory at a time.
 *
 * @throws InputError when there is nothing, or a row that is not of a run
 */
export async function* readReplies(path: string, { texts }: ReplyOptions): AsyncGenerator<Reply> {
  const columns = ['id', 'sample', 'token_ids', 'finish_reason', 'reward']
  if (texts) columns.push('prompt', 'completion', 'prompt_token_ids')
  for await (const row of readRows(path, columns)) {
    const { id, sample, finish_reason: reason, reward } = row
    if (typeof id !== 'string' || typeof sample !== 'number' || !reasons.has(reason))
      throw new InputError(`Expected ${path} to hold the rows of a run (\`id\`, \`sample\`, \`finish_reason\`), got others`)
    yield {
      ...{ id, sample, finishReason: reason as FinishReason },
      reward: typeof reward === 'number' ? reward : null,
      tokenIds: idsOf(row.token_ids),
      prompt: textOf(row.prompt),
      completion: textOf(row.completion),
      promptTokenIds: idsOf(row.prompt_token_ids),
    }
  }
}
