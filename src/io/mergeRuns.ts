import { randomUUID } from 'node:crypto'
import { link, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { InputError, messageOf, OutputError } from '../core/errors.js'
import { stringifyExactly } from './exactJson.js'
import { checkOutputFile } from './outputFolder.js'
import { readParquet } from './parquet/readParquet.js'
import { columnsOf } from './parquet/rowColumns.js'
import { RUN_KEY } from './parquet/runMeta.js'
import { writeParquetFile } from './parquet/writeParquetFile.js'
import { syncFolder } from './stores/folderStore.js'
import type { StoredFile } from './stores/PartStore.js'
import { runFiles, verifyRun } from './verifyRun.js'

type MergeOptions = Readonly<{
  /** Replace a file that is there. */
  force?: boolean
  /** After an abort, no file is left and the promise rejects with the signal's reason. */
  signal?: AbortSignal
}>

const isParquet = (file: string): boolean => file.endsWith('.parquet')

/**
 * Writes the rows of folders or files of one run, such as its shards, into one file: Parquet, or JSONL if it ends in `.jsonl`. The file is
 * complete or absent. A row group is in memory.
 *
 * @returns how many rows the file has
 * @throws InputError if rows are damaged, come from several runs, or are there twice
 * @throws OutputError if the file is there and `force` is not given, it cannot be written, or it ends otherwise
 */
export async function mergeRuns(
  paths: readonly string[],
  file: string,
  { force = false, signal }: MergeOptions = {},
): Promise<number> {
  if (!/\.(parquet|jsonl)$/.test(file)) throw new OutputError(`Expected a file that ends in .parquet or .jsonl, got ${file}`)
  await checkOutputFile(file, force)
  const { problems, rows } = await verifyRun(paths)
  if (problems.length > 0) throw new InputError(problems.join('; '))
  const sources = [...(await runFiles(paths)).values()].flatMap(({ files }) => files)
  const temporary = join(dirname(file), `.merge-${randomUUID()}.tmp`)
  // Not every file system has links.
  const renameUnlessThere = (error: NodeJS.ErrnoException): Promise<void> => {
    if (error.code === 'EEXIST') throw error
    return rename(temporary, file)
  }
  try {
    await (isParquet(file) ? writeParquet(temporary, sources, signal) : writeLines(temporary, sources, signal))
    await (force ? rename(temporary, file) : link(temporary, file).catch(renameUnlessThere))
    await syncFolder(dirname(file))
  } catch (error) {
    signal?.throwIfAborted()
    throw error instanceof InputError || error instanceof OutputError
      ? error
      : new OutputError(`Expected to write ${file}: ${messageOf(error)}`)
  } finally {
    await rm(temporary, { force: true })
  }
  return rows
}

async function* recordsOf(sources: readonly StoredFile[], signal?: AbortSignal): AsyncGenerator<Record<string, unknown>> {
  for (const source of sources) {
    for await (const record of (await readParquet(source)).records()) {
      signal?.throwIfAborted()
      yield record
    }
  }
}

async function writeParquet(path: string, sources: readonly StoredFile[], signal?: AbortSignal): Promise<void> {
  const names = new Set<string>()
  let meta = ''
  for (const source of sources) {
    const { columns, metadata } = await readParquet(source)
    for (const column of columns) names.add(column)
    meta ||= metadata.get(RUN_KEY) ?? ''
  }
  await writeParquetFile(path, columnsOf(names), recordsOf(sources, signal), { [RUN_KEY]: meta })
}

async function writeLines(path: string, sources: readonly StoredFile[], signal?: AbortSignal): Promise<void> {
  const handle = await open(path, 'wx')
  try {
    for await (const record of recordsOf(sources, signal)) await handle.writeFile(`${stringifyExactly(record)}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
}
