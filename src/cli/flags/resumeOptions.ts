import { OptionError } from '../../core/errors.js'
import type { ToParquetOptions } from '../../io/toParquet.js'

/** Help of `--redo-changed`. */
export const REDO_HELP = 'replace rows whose prompt or settings have changed'

export type ResumeOptions = Required<Pick<ToParquetOptions, 'force' | 'retryErrors' | 'redoChanged'>>

/**
 * Reads from the flags what to do with rows that are already in the output folder.
 *
 * @throws OptionError without an output folder, and for `--force` together with another flag
 */
export function resumeOptions({
  output,
  force = false,
  retryErrors = false,
  redoChanged = false,
}: Partial<ResumeOptions> & Readonly<{ output?: string | undefined }>): ResumeOptions {
  for (const [flag, isOn] of Object.entries({ force, 'retry-errors': retryErrors, 'redo-changed': redoChanged })) {
    if (isOn && output === undefined) throw new OptionError(`Expected \`--output\` beside \`--${flag}\`, got none`)
    if (isOn && force && flag !== 'force') throw new OptionError(`Expected \`--force\` or \`--${flag}\`, got both`)
  }
  return { force, retryErrors, redoChanged }
}
