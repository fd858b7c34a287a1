import { OptionError } from '../core/errors.js'
import type { Prompt } from '../core/types.js'
import { type ReadOptions, readRecords } from './prompts/readRecords.js'
import { overrideColumns, type PromptOptions, templates, toPrompt } from './prompts/toPrompt.js'

export type FileOptions = PromptOptions & Pick<ReadOptions, 'stdin'>

/**
 * Prompts of a JSONL or Parquet file, or of JSONL on standard input (`-`), read as they are asked for.
 *
 * Columns `pipeline`, `weight`, `k`, `temperature`, `seed`, `max_new_tokens` and `stop` set options of the row's own. A row's id is its own `id`, else file name and row number (`sample.jsonl:12`). Blank lines are skipped. A row without a prompt
 * that can be used, and a line that is no JSON object, is a prompt with an `error` that names file and line.
 *
 * @throws InputError (while it is read) when there is no such file, or it is damaged Parquet
 */
export async function* fromFile(path: string, options: FileOptions = {}): AsyncGenerator<Prompt> {
  const { stdin, promptColumn = 'prompt', keepInput, template = 'auto' } = options
  if (!templates.includes(template))
    throw new OptionError(`Expected \`template\` to be one of ${templates.join(', ')}, got \`${template}\``)
  const columns = keepInput ? undefined : [...new Set(['id', 'messages', 'stop', ...overrideColumns, promptColumn])]
  for await (const record of readRecords(path, { columns, stdin })) yield toPrompt(record, options)
}
