import type { Command } from 'commander'
import { OptionError } from '../../core/errors.js'
import { type OnError, onErrors } from '../../io/fromFile.js'
import type { Shard } from '../run/takePrompts.js'
import { oneOf } from './flags.js'
import { REDO_HELP } from './resumeOptions.js'

/** Help of the argument `[input]`. */
export const INPUT_HELP =
  'JSONL, JSON array, CSV (each also as .gz or .zst) or Parquet: a file, a folder, a glob in quotes, or an http(s):// or s3:// address; standard input if - or omitted'

/** Flags for rows that are there, changed or broken. */
export type RowFlags = Readonly<{
  force?: boolean
  retryErrors?: boolean
  redoChanged?: boolean
  onError?: OnError
  strict?: boolean
}>

/**
 * Adds the flags for rows that are there, changed or broken.
 *
 * @param verb what the command does to a row
 */
export const rowFlags = (command: Command, verb: string): Command =>
  command
    .option('--force', 'replace the rows in the folder')
    .option('--retry-errors', `${verb} error rows again`)
    .option('--redo-changed', REDO_HELP)
    .option(
      '--on-error <how>',
      `handling of a malformed row of the input: ${onErrors.join(', ')} (write an error row, or end the run; default: row)`,
      oneOf('on-error', onErrors),
    )
    .option('--strict', 'stop at the first error row')

/** Parses `2/8`, the second of eight shards. */
export function shard(text: string): Shard {
  const [index = 0, count = 0] =
    text
      .match(/^([1-9]\d{0,8})\/([1-9]\d{0,8})$/)
      ?.slice(1)
      .map(Number) ?? []
  if (index === 0 || index > count)
    throw new OptionError(
      `Expected \`--shard\` to be INDEX/COUNT, such as 1/4, with an index from 1 to the count, got \`${text}\``,
    )
  return { index, count }
}

/** Help of `--shard`. */
export const SHARD_HELP = 'only the prompts of one share, such as 1/4; each id is in exactly one of them'
