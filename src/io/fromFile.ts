import * as z from 'zod'
import { InputError, OptionError } from '../core/errors.js'
import { aPath, parseOptions } from '../core/parseOptions.js'
import type { Prompt } from '../core/prompt.js'
import { textSet } from '../core/text/textSet.js'
import { templateColumns } from './prompts/conversation.js'
import { datasets, readings } from './prompts/datasets.js'
import { type ReadOptions, readRecords } from './prompts/readRecords.js'
import { type PromptOptions, promptColumns, settingColumns, templates, toPrompt } from './prompts/toPrompt.js'

/** What happens to a malformed row: it becomes a prompt with an error, or the reading stops. */
export type OnError = 'row' | 'stop'

export const onErrors: readonly OnError[] = ['row', 'stop']

const fromFileOptions = z.strictObject({
  template: z
    .string()
    .optional()
    .describe(`one of ${templates.join(', ')}`),
  promptColumn: z.string().min(1).optional().describe('the name of a column'),
  dataset: z
    .string()
    .optional()
    .describe(`one of ${datasets.join(', ')}`),
  keepInput: z.boolean().optional().describe('true or false'),
  onError: z
    .string()
    .optional()
    .describe(`one of ${onErrors.join(', ')}`),
  stdin: z
    .custom<object>((value) => typeof value === 'object' && value !== null)
    .optional()
    .describe('a stream of bytes'),
})

export type FileOptions = PromptOptions &
  Pick<ReadOptions, 'stdin'> &
  Readonly<{
    /** What happens to a malformed row: it becomes a prompt with an error (`row`, the default), or the reading fails (`stop`). */
    onError?: OnError | undefined
  }>

/**
 * Reads prompts on demand from standard input (`-`), a file, the files of a folder or a glob, or an address of http(s) or s3. A file is JSONL, a
 * JSON array or CSV, each also compressed by gzip or zstd, or Parquet; its content decides.
 *
 * The columns `pipeline`, `weight`, `k`, `temperature`, `seed`, `max_new_tokens`, `max_prompt_tokens`, `truncate` and `stop` set options of their
 * row. A row without an `id` gets file name and row number (`sample.jsonl:12`). Blank lines are skipped. A row without a usable prompt, and a
 * line or element that is no JSON object, becomes a prompt with an `error` that names file and line.
 *
 * A dataset whose rows share prompts (SHP) gives each prompt once. Memory: its ids.
 *
 * @throws InputError (while reading) if there is no such file, or it is damaged, has no column of prompts, or is of another kind; with
 *   `onError: 'stop'` also for a malformed row
 * @throws OptionError for an unknown template or dataset, and for a dataset together with a template or a column
 */
export function fromFile(path: string, options: FileOptions = {}): AsyncGenerator<Prompt> {
  parseOptions(z.object({ path: aPath }), { path }, 'fromFile')
  parseOptions(fromFileOptions, options, 'fromFile')
  checkOptions(options)
  return promptsOf(path, options)
}

async function* promptsOf(path: string, options: FileOptions): AsyncGenerator<Prompt> {
  const { stdin, promptColumn, keepInput, dataset } = options
  const textColumns = dataset === undefined ? ['id', 'messages', promptColumn ?? 'prompt'] : readings[dataset].columns
  const columns = keepInput
    ? undefined
    : [...new Set([...textColumns, 'stop', ...(dataset === undefined ? templateColumns : []), ...settingColumns])]
  const ids = dataset !== undefined && readings[dataset].repeats ? textSet() : undefined
  for await (const record of readRecords(path, { columns, needs: [promptColumns(options)], stdin })) {
    const prompt = toPrompt(record, options)
    if (ids?.add(prompt.id) === false) continue
    yield checked(prompt, options)
  }
}

/** @throws InputError for a malformed prompt, if it is to stop the reading */
export function checked<P extends Prompt>(prompt: P, { onError = 'row' }: Pick<FileOptions, 'onError'>): P {
  if (onError === 'stop' && prompt.error !== undefined)
    throw new InputError(`Stopped at a malformed row (--on-error stop): ${prompt.error}`)
  return prompt
}

function checkOptions({ template = 'auto', promptColumn, dataset, onError = 'row' }: FileOptions): void {
  if (!onErrors.includes(onError))
    throw new OptionError(`Expected \`onError\` to be one of ${onErrors.join(', ')}, got \`${onError}\``)
  if (!templates.includes(template))
    throw new OptionError(`Expected \`template\` to be one of ${templates.join(', ')}, got \`${template}\``)
  if (dataset === undefined) return
  if (!datasets.includes(dataset))
    throw new OptionError(`Expected \`dataset\` to be one of ${datasets.join(', ')}, got \`${dataset}\``)
  if (template !== 'auto' || promptColumn !== undefined)
    throw new OptionError(
      `The dataset \`${dataset}\` says what its prompts are: it takes neither \`template\` nor \`promptColumn\``,
    )
}
