import type { Run } from '../../core/run.js'
import { type Summary, type ToParquetOptions, toParquet } from '../../io/toParquet.js'
import type { Progress } from '../print/progress.js'
import type { RowLines } from '../print/rowLines.js'
import { tableOf } from '../print/table.js'
import { toLines } from '../print/toLines.js'
import { type Terminal, writeLine } from '../terminal.js'
import { describeInput } from './inputOf.js'

/** A run ended, but too many of its rows are error rows. */
export class RunFailed extends Error {}

const rows = (count: number): string => `${count} ${count === 1 ? 'row' : 'rows'}`
/** Table width in columns if the terminal does not tell its own. */
const WIDTH = 120

type Ended = Readonly<{ summary: Summary; input: string; output: string | undefined }>

export type RunTarget = Readonly<{
  input: string
  /** A folder for the rows; undefined for lines on stdout. */
  output: string | undefined
  lines: RowLines
  parts: Pick<ToParquetOptions, 'force' | 'retryErrors' | 'redoChanged'> &
    Readonly<{ policy: ToParquetOptions['policy'] | undefined; onPart: ToParquetOptions['onPart'] | undefined }>
  /** Settles when it is known how many rows to expect, or that it is not. */
  counting: Promise<unknown>
}>

/**
 * Writes the rows of a run into a folder, or as lines on stdout, and prints its summary.
 *
 * @throws RunFailed if more than half of the new rows, or of all rows in the folder, are error rows; the errors of `toParquet`
 */
export async function writeOutput(
  run: Run,
  { input, output, lines, parts: { policy, onPart, ...resume }, counting }: RunTarget,
  terminal: Terminal,
  progress: Progress,
): Promise<void> {
  const { stdout, signal } = terminal
  const parts = { ...resume, ...(policy && { policy }), ...(onPart && { onPart }) }
  const summary =
    output === undefined
      ? await toLines(run, stdout, { ...lines, signal })
      : await toParquet(output, run, { ...parts, signal, onNotice: progress.say })
  await counting
  progress.end()
  await runSummary({ summary, output, input }, terminal, progress)
}

/** Prints the summary of a run on stderr, and a table of its rows on stdout if they went into a folder. */
async function runSummary({ summary, input, output }: Ended, { stdout, signal }: Terminal, progress: Progress): Promise<void> {
  const { written, errors, skipped, skippedErrors, files } = summary
  if (written === 0 && skipped === 0) progress.say(`No prompts in ${describeInput(input)}`)
  else if (written === 0)
    progress.say(`Nothing to do: ${output} already holds ${skipped === 1 ? 'the row' : `all ${rows(skipped)}`}`)
  else {
    const there = skipped > 0 ? `, ${rows(skipped)} from earlier runs` : ''
    const where = output === undefined ? '' : ` in ${files.length} ${files.length === 1 ? 'file' : 'files'} in ${output}`
    progress.say(`${rows(written)}${where}${there}`)
  }
  if (errors > 0)
    progress.say(
      [`${errors} of ${rows(written)} ${errors === 1 ? 'is an error row' : 'are error rows'}:`, ...progress.errors()].join('\n'),
    )
  const truncated = progress.truncated()
  if (truncated > 0)
    progress.say(
      `${rows(truncated)}: the prompt was too long and lost its first tokens (--truncate left); \`truncated_tokens\` has the counts`,
    )
  if (output !== undefined && written + skipped > 0) {
    for (const line of await tableOf(output, stdout.columns ?? WIDTH)) await writeLine(stdout, line, signal)
  }
  if (written > 0 && errors === written) throw new RunFailed('Every row is an error row')
  if (errors * 2 > written) throw new RunFailed(`More than half of the rows are error rows: ${errors} of ${written}`)
  const [allErrors, all] = [errors + skippedErrors, written + skipped]
  if (allErrors * 2 > all)
    throw new RunFailed(
      `More than half of the rows in ${output} are error rows: ${allErrors} of ${all}; --retry-errors decodes them again`,
    )
}
