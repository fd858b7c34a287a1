import { OptionError } from '../../core/errors.js'
import type { ToParquetOptions } from '../../io/toParquet.js'

/** What `--redo-changed` does, for the help of all commands that take it. */
export const REDO_HELP = 'make rows again whose prompt or settings have changed'

export type ResumeOptions = Required<Pick<ToParquetOptions, 'force' | 'retryErrors' | 'redoChanged'>>

/**
 * What happens to the rows that the output folder holds.
 *
 * @throws OptionError without an output folder, and for `--force` beside the others
 */
export function resumeOptions({
  output,
  force = false,
  retryErrors = false,
  redoChanged = false,
}: Partial<ResumeOptions> & Readonly<{ output?: string | undefined }>): ResumeOptions {
  for (const [flag, given] of Object.entries({ force, 'retry-errors': retryErrors, 'redo-changed': redoChanged })) {
    if (given && output === undefined) throw new OptionError(`Expected \`--output\` beside \`--${flag}\`, got none`)
    if (given && force && flag !== 'force') throw new OptionError(`Expected \`--force\` or \`--${flag}\`, got both`)
  }
  return { force, retryErrors, redoChanged }
}
