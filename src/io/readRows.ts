import * as z from 'zod'
import { InputError, messageOf } from '../core/errors.js'
import { aPath, parseOptions } from '../core/parseOptions.js'
import { partsAmong } from './parquet/partNames.js'
import { readParquet } from './parquet/readParquet.js'
import { isS3 } from './sources/s3Client.js'
import { openStore } from './stores/openStore.js'
import type { PartStore, StoredFile } from './stores/PartStore.js'

/** Picks the Parquet files of a folder: the parts of a run, or without any all `*.parquet`. */
export function parquetAmong(names: readonly string[]): string[] {
  const parts = partsAmong(names)
  return parts.length > 0 ? parts : names.filter((name) => name.endsWith('.parquet') && !name.startsWith('.')).sort()
}

/**
 * Lists the Parquet files of a folder or of a prefix of S3: the parts of a run, or without any all `*.parquet`. A file is its own list.
 *
 * @throws InputError if there are none
 */
export async function parquetFiles(path: string, store: PartStore = openStore(path)): Promise<StoredFile[]> {
  const expected = `Expected a Parquet file or a folder of them at ${path}`
  const isFolder = await store.isFolder().catch((error: unknown) => {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw new InputError(`${expected}, ${missing ? 'found nothing there' : messageOf(error)}`)
  })
  if (!isFolder) return [store.file(path)]
  const names = await store.list()
  if (isS3(path) && names.length === 0) throw new InputError(`${expected}, found nothing there`)
  const files = parquetAmong(names)
  if (files.length === 0) throw new InputError(`Expected Parquet files in ${path}, found none`)
  return files.map((name) => store.file(store.pathOf(name)))
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
