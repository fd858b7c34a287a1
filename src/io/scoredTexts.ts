import type { Prompt } from '../core/prompt.js'
import { toPlain } from '../core/text/json.js'
import { checked, type FileOptions } from './fromFile.js'
import { templateColumns } from './prompts/conversation.js'
import { type InputRecord, readRecords } from './prompts/readRecords.js'
import { type PromptOptions, promptColumns, toPrompt } from './prompts/toPrompt.js'

export type TextOptions = FileOptions & Readonly<{ completionColumn?: string }>

/** A prompt with its completion. `cutOff`: the column `finish_reason` says that a limit of tokens ended the completion. */
export type FileText = Prompt & Readonly<{ completion?: string; sample: number; cutOff?: boolean }>

/** One more than the largest number in the column `sample`. */
const LARGEST = 2 ** 31

function textOf(record: InputRecord, column: string, options: PromptOptions): FileText {
  const prompt = toPrompt(record, options)
  const value = toPlain(record.values?.sample ?? 0)
  const isNumber = typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < LARGEST
  const sample = isNumber ? value : 0
  const completion = record.values?.[column]
  if (prompt.error !== undefined) return { ...prompt, sample }
  if (!isNumber) {
    const got = typeof value === 'object' ? typeof value : `\`${String(value)}\` (${typeof value})`
    return {
      ...prompt,
      id: record.place,
      sample,
      error: `${record.where}: Expected \`sample\` to be an integer from 0 to 2147483647, got ${got}`,
    }
  }
  if (typeof completion === 'string' && !/\p{Surrogate}/u.test(completion))
    return { ...prompt, sample, completion, ...(record.values?.finish_reason === 'length' && { cutOff: true }) }
  const got = completion === undefined || completion === null ? 'nothing' : `something else (${typeof completion})`
  return { ...prompt, sample, error: `${record.where}: Expected \`${column}\` to be well-formed text, got ${got}` }
}

/**
 * Reads prompts with their completions on demand from the inputs of `fromFile`. A row without both becomes a text
 * with an `error`. `sample` is the row's own, or 0 without one.
 */
export async function* scoredTexts(path: string, options: TextOptions = {}): AsyncGenerator<FileText> {
  const { stdin, promptColumn = 'prompt', completionColumn = 'completion', keepInput } = options
  const columns = [...new Set(['id', 'sample', 'finish_reason', 'messages', ...templateColumns, promptColumn, completionColumn])]
  const needs = [promptColumns(options), [completionColumn]]
  const records = readRecords(path, { columns: keepInput ? undefined : columns, needs, stdin })
  for await (const record of records) yield checked(textOf(record, completionColumn, options), options)
}
