import { CommanderError } from 'commander'
import { isAllocationFailure, messageOf, OptionError } from '../core/errors.js'
import { program } from './program.js'
import { Interrupted, ReaderGone, reportError, type Terminal } from './terminal.js'

function codeOf(error: unknown): number {
  if (error instanceof Interrupted) return error.exitCode
  if (error instanceof ReaderGone) return 0
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  return error instanceof OptionError ? 2 : 1
}

/**
 * Runs the command line `args`, without the program's name. Reports an error in one line on stderr.
 *
 * @returns the exit code: 0 done, 1 failed, 2 usage error, 129, 130 or 143 interrupted
 */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  const { stderr, signal } = terminal
  try {
    await program(terminal).parseAsync(args, { from: 'user' })
    return 0
  } catch (failure) {
    // An error after an interrupt is a consequence of it.
    const error: unknown = signal.aborted ? signal.reason : failure
    const isReported = error instanceof CommanderError || error instanceof Interrupted || error instanceof ReaderGone
    const stack = args.includes('--debug') && error instanceof Error ? error.stack : undefined
    // V8 only names what it could not allocate.
    const prefix = isAllocationFailure(error) ? 'No memory is left: ' : ''
    if (!isReported) reportError(terminal, prefix + messageOf(error), stack)
    else if (stack !== undefined) stderr.write(`${stack}\n`)
    return codeOf(error)
  }
}
