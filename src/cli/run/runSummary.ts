import type { Summary } from '../../io/toParquet.js'
import type { Progress } from '../print/progress.js'
import { tableOf } from '../print/table.js'
import { type Terminal, writeLine } from '../terminal.js'

/** A run that came to its end, but has nothing to show for it. */
export class RunFailed extends Error {}

const rows = (count: number): string => `${count} ${count === 1 ? 'row' : 'rows'}`
/** Wide enough to read, where the width of the terminal is not known. */
const WIDTH = 120

export type Ended = Readonly<{ summary: Summary; input: string; output: string | undefined }>

/**
 * What a run ends with: a line on stderr, and a table on stdout where rows went into a folder.
 *
 * @throws RunFailed when more than half of the rows are error rows, of those made now or of all
 */
export async function runSummary(
  { summary, input, output }: Ended,
  { stdout, signal }: Terminal,
  shown: Progress,
): Promise<void> {
  const { written, errors, skipped, skippedErrors, files } = summary
  if (written === 0 && skipped === 0) shown.say(`No prompts in ${input === '-' ? 'standard input' : input}`)
  else if (written === 0) shown.say(`All done: ${output} holds ${skipped === 1 ? 'the row' : `all ${rows(skipped)}`} already`)
  else {
    const there = skipped > 0 ? `, ${rows(skipped)} there before` : ''
    const where = output === undefined ? '' : ` in ${files.length} ${files.length === 1 ? 'file' : 'files'} in ${output}`
    shown.say(`${rows(written)}${where}${there}`)
  }
  if (errors > 0)
    shown.say(
      [`${errors} of ${rows(written)} ${errors === 1 ? 'is an error row' : 'are error rows'}:`, ...shown.errors()].join('\n'),
    )
  const truncated = shown.truncated()
  if (truncated > 0)
    shown.say(
      `The prompts of ${rows(truncated)} were too long and lost their beginning (--truncate left): see \`truncated_tokens\``,
    )
  if (output !== undefined && written + skipped > 0) {
    for (const line of await tableOf(output, stdout.columns ?? WIDTH)) await writeLine(stdout, line, signal)
  }
  if (written > 0 && errors === written) throw new RunFailed('Every row is an error row')
  if (errors * 2 > written) throw new RunFailed(`More than half of the rows are error rows: ${errors} of ${written}`)
  const [allErrors, all] = [errors + skippedErrors, written + skipped]
  if (allErrors * 2 > all)
    throw new RunFailed(
      `More than half of the rows in ${output} are error rows, ${allErrors} of ${all}; --retry-errors makes them again`,
    )
}
