import { InputError } from '../../core/errors.js'
import type { RunMeta } from '../../core/types.js'
import { parquetFiles } from '../readRows.js'
import { keyOf, twice } from './heldRows.js'
import { type ParquetFile, readParquet } from './readParquet.js'
import { runMeta } from './runMeta.js'
import { mixedRuns } from './sameRun.js'

/** The files of a run, and what went into it; no `meta` where the files are of something else. */
export type RunParts = Readonly<{ files: readonly string[]; meta?: RunMeta }>

/**
 * The Parquet files of a run's folder, or one of them, once it is sure that they are of one run: same options, and each row once. Reads the footers and
 * the columns `id` and `sample`. Memory: one text a row.
 *
 * @throws InputError when there is nothing, a file is of another run than the first or of none, or a row is there twice
 */
export async function runParts(path: string): Promise<RunParts> {
  const files = await parquetFiles(path)
  const opened = await Promise.all(files.map(async (name) => ({ name, file: await readParquet(name) })))
  const metas = opened.map(({ name, file }) => ({ name, meta: runMeta(file.metadata) }))
  const [first] = metas
  if (metas.every(({ meta }) => meta === undefined)) return { files }
  const foreign = metas.find(({ meta }) => (meta === undefined) !== (first!.meta === undefined))
  if (foreign !== undefined || first?.meta === undefined) {
    const [of, other] = first?.meta === undefined ? [foreign!.name, first!.name] : [first.name, foreign!.name]
    throw new InputError(`Expected the files of one run in ${path}, but ${of} is of a run of rxargs and ${other} is not`)
  }
  for (const { name, meta } of metas) {
    const difference = mixedRuns({ name: first.name, meta: first.meta }, { name, meta: meta! })
    if (difference !== undefined) throw new InputError(`Expected the rows of one run in ${path}, but ${difference}`)
  }
  await eachOnce(opened)
  return { files, meta: first.meta }
}

async function eachOnce(opened: readonly Readonly<{ name: string; file: ParquetFile }>[]): Promise<void> {
  const seen = new Map<string, string>()
  for (const { name, file } of opened) {
    for await (const row of file.records(['id', 'sample'])) {
      const key = { id: String(row.id), sample: Number(row.sample) }
      const other = seen.get(keyOf(key))
      if (other !== undefined) throw new InputError(twice(key, other, name))
      seen.set(keyOf(key), name)
    }
  }
}
