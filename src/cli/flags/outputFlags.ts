import type { Command } from 'commander'
import * as z from 'zod'
import { OptionError } from '../../core/errors.js'
import { type FlushPolicy, growing } from '../../io/parquet/partWriter.js'
import { number, text } from './flags.js'

/** Flags for the output and the size of its part files. */
export type OutputFlags = Readonly<{ output?: string; partRows?: number; partBytes?: number; partSeconds?: number }>

const atLeastOne = z.int().min(1).describe('an integer >= 1')

/** Adds `--output` and the flags for the size of its part files. */
export const outputFlags = (command: Command): Command =>
  command
    .option(
      '-o, --output <folder>',
      'folder, or s3://BUCKET/PREFIX, for Parquet part files; without it, rows go to stdout as JSONL',
      text('output'),
    )
    .option(
      '--part-rows <number>',
      'maximum rows per part file (default: 16, then more, up to 1000)',
      number('part-rows', atLeastOne),
    )
    .option(
      '--part-bytes <number>',
      'size of the rows in memory, in bytes, at which a part file is written (default: 67108864)',
      number('part-bytes', atLeastOne),
    )
    .option(
      '--part-seconds <number>',
      'maximum age of a row that is not yet in a part file (default: 3, then more, up to 60)',
      number('part-seconds', atLeastOne),
    )

/**
 * Reads from the flags when a part file is written; undefined without any of them.
 *
 * @throws OptionError for a flag without an output folder
 */
export function partPolicy({
  output,
  partRows,
  partBytes,
  partSeconds,
}: OutputFlags): ((part: number) => FlushPolicy) | undefined {
  const given = Object.entries({ 'part-rows': partRows, 'part-bytes': partBytes, 'part-seconds': partSeconds })
  const flag = given.find(([, value]) => value !== undefined)?.[0]
  if (flag === undefined) return undefined
  if (output === undefined) throw new OptionError(`Expected \`--output\` beside \`--${flag}\`, got none`)
  return (part) => ({
    ...growing(part),
    ...(partRows !== undefined && { rows: partRows }),
    ...(partBytes !== undefined && { bytes: partBytes }),
    ...(partSeconds !== undefined && { milliseconds: partSeconds * 1000 }),
  })
}
