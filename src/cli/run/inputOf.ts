import { OptionError } from '../../core/errors.js'
import { inputName } from '../../io/sources/inputFile.js'
import type { Terminal } from '../terminal.js'

/** The named input, or standard input if something is piped into it. */
export function inputOf(input: string | undefined, { stdin }: Terminal): string {
  if (input !== undefined) return input
  if (stdin.isTTY)
    throw new OptionError(
      'Expected an input: a JSONL, JSON, CSV or Parquet file, a folder, a glob or an address, or - for standard input',
    )
  return '-'
}

/** Name of an input for people. */
export const describeInput = (input: string): string => (input === '-' ? 'standard input' : inputName(input))
