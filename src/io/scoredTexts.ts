import type { Prompt } from '../core/prompt.js'
import { toPlain } from '../core/text/json.js'
import { templateColumns } from './prompts/conversation.js'
import { type InputRecord, type ReadOptions, readRecords } from './prompts/readRecords.js'
import { type PromptOptions, promptColumns, toPrompt } from './prompts/toPrompt.js'

export type TextOptions = PromptOptions & Pick<ReadOptions, 'stdin'> & Readonly<{ completionColumn?: string }>

/** A prompt with a completion that is there already. */
export type FileText = Prompt & Readonly<{ completion?: string; sample: number }>

/** What the column of a run's samples holds. */
const LARGEST = 2 ** 31

function textOf(record: InputRecord, column: string, options: PromptOptions): FileText {
  const prompt = toPrompt(record, options)
  const given = toPlain(record.values?.sample ?? 0)
  const isNumber = typeof given === 'number' && Number.isInteger(given) && given >= 0 && given < LARGEST
  const sample = isNumber ? given : 0
  const completion = record.values?.[column]
  if (prompt.error !== undefined) return { ...prompt, sample }
  if (!isNumber) {
    const got = typeof given === 'object' ? typeof given : `\`${String(given)}\` (${typeof given})`
    return {
      ...prompt,
      id: record.place,
      sample,
      error: `${record.where}: Expected \`sample\` to be an integer >= 0, got ${got}`,
    }
  }
  if (typeof completion === 'string' && !/\p{Surrogate}/u.test(completion)) return { ...prompt, sample, completion }
  const got = completion === undefined || completion === null ? 'nothing' : `something else (${typeof completion})`
  return { ...prompt, sample, error: `${record.where}: Expected \`${column}\` to be well-formed text, got ${got}` }
}

/**
 * Prompts with their completions of a file, a folder of part files, or standard input (`-`), read as they are asked for. Rows
 * that are not both are texts with an `error`. `sample` is the row's own, or 0 where it has none.
 */
export async function* scoredTexts(path: string, options: TextOptions = {}): AsyncGenerator<FileText> {
  const { stdin, promptColumn = 'prompt', completionColumn = 'completion', keepInput } = options
  const columns = [...new Set(['id', 'sample', 'messages', ...templateColumns, promptColumn, completionColumn])]
  const needs = [promptColumns(options), [completionColumn]]
  const records = readRecords(path, { columns: keepInput ? undefined : columns, needs, stdin })
  for await (const record of records) yield textOf(record, completionColumn, options)
}
