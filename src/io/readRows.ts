import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { InputError, messageOf } from '../core/errors.js'
import { aPath, parseOptions } from '../core/parseOptions.js'
import { listParts } from './parquet/partFiles.js'
import { readParquet } from './parquet/readParquet.js'

/** Lists the Parquet files of a folder: the parts of a run, or without any all `*.parquet`. A file is its own list. */
export async function parquetFiles(path: string): Promise<string[]> {
  const found = await stat(path).catch((error: unknown) => {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw new InputError(
      `Expected a Parquet file or a folder of them at ${path}, ${missing ? 'found nothing there' : messageOf(error)}`,
    )
  })
  if (!found.isDirectory()) return [path]
  const parts = await listParts(path)
  if (parts.length > 0) return parts
  const names = (await readdir(path)).filter((name) => name.endsWith('.parquet') && !name.startsWith('.')).sort()
  if (names.length === 0) throw new InputError(`Expected Parquet files in ${path}, found none`)
  return names.map((name) => join(path, name))
}

/**
 * Reads rows of a folder of part files or of one Parquet file under their column names, in the order in which they finished. One row group is
 * in memory at a time. Nulls are null, lists arrays, times Dates. `columns` limits the columns.
 *
 * @throws InputError if there are no files, or they are no Parquet
 */
export async function* readColumns(path: string, columns?: readonly string[]): AsyncGenerator<Record<string, unknown>> {
  for (const file of await parquetFiles(path)) yield* (await readParquet(file)).records(columns)
}

const readRowsArguments = z.object({
  path: aPath,
  fields: z.array(z.string()).readonly().optional().describe('a list of names of fields'),
})

const camel = (column: string): string => column.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

/** Columns of a further reward. Users choose its name. */
const FURTHER = /^(reward|rewards|candidate_rewards)_(.+)$/

/** Turns `token_ids` into `tokenIds`. In `candidate_rewards_my_rm` the name of the reward stays. */
function fieldOf(column: string): string {
  const [, start, name] = column === 'candidate_rewards' ? [] : (column.match(FURTHER) ?? [])
  return name === undefined ? camel(column) : `${camel(start!)}_${name}`
}

/**
 * Reads rows of a run's folder or of one of its Parquet files, in the order in which they finished, under the names of `Row`: `tokenIds`,
 * `finishReason`. Columns of further rewards are `reward_NAME`, `rewards_NAME` and `candidateRewards_NAME`. Nulls are null, lists arrays,
 * times Dates. One row group is in memory at a time.
 *
 * @param fields reads only these fields, by the names of `Row`
 * @throws OptionError for a path that is no text, and fields that are no list
 * @throws InputError (while reading) if there are no files, or they are no Parquet
 */
export function readRows(path: string, fields?: readonly string[]): AsyncGenerator<Record<string, unknown>> {
  parseOptions(readRowsArguments, { path, fields }, 'readRows')
  return rowsOf(path, fields)
}

async function* rowsOf(path: string, fields?: readonly string[]): AsyncGenerator<Record<string, unknown>> {
  for (const file of await parquetFiles(path)) {
    const read = await readParquet(file)
    const columns = fields && read.columns.filter((column) => fields.includes(fieldOf(column)))
    for await (const record of read.records(columns))
      yield Object.fromEntries(Object.entries(record).map(([column, value]) => [fieldOf(column), value]))
  }
}
