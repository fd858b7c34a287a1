import type { Command } from 'commander'
import { OptionError } from '../../core/errors.js'
import { stringifyExactly } from '../../io/exactJson.js'
import { list, text } from '../flags/flags.js'

/** Format of rows on stdout. */
export type RowLines = Readonly<{ text?: boolean; columns?: readonly string[] }>

type Cells = Readonly<Record<string, unknown>>

/** Columns that `--text` reads, besides those of further rewards. */
export const textColumns = ['id', 'sample', 'prompt', 'user_message', 'completion', 'finish_reason', 'error', 'reward']
export const FURTHER_REWARD = /^reward_/

/** Adds `--text` and `--columns`. */
export const rowLineFlags = (command: Command): Command =>
  command
    .option('--text', 'print rows as readable text: prompt, reply and reward')
    .option('--columns <names>', 'print only these columns, separated by commas', list(text('columns')))

/** @throws OptionError for both flags, or for one of them with an output folder */
export function checkRowLines({ text: isText, columns }: RowLines, output?: string): void {
  const flag = isText ? 'text' : columns === undefined ? undefined : 'columns'
  if (isText && columns !== undefined) throw new OptionError('Expected `--text` or `--columns`, got both')
  if (flag !== undefined && output !== undefined)
    throw new OptionError(
      `\`--${flag}\` formats rows on stdout, so it takes no \`--output\`; \`rxargs cat --${flag}\` prints the rows of a folder`,
    )
}

/**
 * @param hint says what else the name of a missing column may be
 * @throws OptionError for a missing column
 */
export function checkColumnNames(
  columns: readonly string[],
  known: readonly string[],
  where: string,
  hint: (name: string) => string = () => '',
): void {
  const unknown = columns.find((name) => !known.includes(name))
  if (unknown !== undefined)
    throw new OptionError(`Expected columns of ${where} (${known.join(', ')}), got \`${unknown}\`${hint(unknown)}`)
}

/** Formats a record as a line of JSON, with all or some of its columns, or as text. */
export const rowLine =
  ({ text: isText, columns }: RowLines) =>
  (record: Cells): string => {
    if (isText) return rowText(record)
    return stringifyExactly(columns ? Object.fromEntries(columns.map((name) => [name, record[name] ?? null])) : record)
  }

/** Removes control characters, which could control the terminal, but keeps line breaks. */
const harmless = (value: unknown): string =>
  typeof value === 'string' ? value.replace(/[^\P{Control}\n\t]|[\u202a-\u202e\u2066-\u2069]/gu, '').trim() : ''

function rowText(record: Cells): string {
  const { id, sample, prompt, user_message: message, completion, finish_reason: reason, error } = record
  const rewards = Object.entries(record).flatMap(([name, value]) =>
    (name === 'reward' || FURTHER_REWARD.test(name)) && typeof value === 'number'
      ? [`${name.replace(FURTHER_REWARD, '')} ${value.toFixed(3)}`]
      : [],
  )
  const ended = reason === 'length' ? ['cut off by --max-new-tokens or the context'] : []
  const name = typeof sample === 'number' && sample > 0 ? `${String(id)}, sample ${sample}` : String(id)
  const reply = [typeof error === 'string' ? `error: ${harmless(error)}` : '', harmless(completion)].filter((part) => part !== '')
  return [`== ${[harmless(name), ...rewards, ...ended].join(', ')}`, harmless(message ?? prompt), '--', ...reply, ''].join('\n')
}
