import { InputError } from '../../core/errors.js'
import type { RunMeta } from '../../core/run.js'
import { parquetFiles } from '../readRows.js'
import type { StoredFile } from '../stores/PartStore.js'
import { describeDuplicate, keyOf } from './heldRows.js'
import { type ParquetFile, readParquet } from './readParquet.js'
import { runMeta } from './runMeta.js'
import { describeMix } from './sameRun.js'

/** The files of a run and its metadata; no `meta` if they do not come from rxargs. */
export type RunParts = Readonly<{ files: readonly StoredFile[]; meta?: RunMeta }>

/**
 * Lists the Parquet files of a run's folder, or the one file, and checks that they belong to one run: same options, each row once. Reads the
 * footers and the columns `id` and `sample`. Memory: one text a row.
 *
 * @throws InputError if there is no file, the files come from several runs, or a row is in them twice
 */
export async function readRunParts(path: string): Promise<RunParts> {
  const files = await parquetFiles(path)
  const opened = await Promise.all(files.map(async (one) => ({ name: one.name, file: await readParquet(one) })))
  const metas = opened.map(({ name, file }) => ({ name, meta: runMeta(file.metadata) }))
  const [first] = metas
  if (metas.every(({ meta }) => meta === undefined)) return { files }
  const foreign = metas.find(({ meta }) => (meta === undefined) !== (first!.meta === undefined))
  if (foreign !== undefined || first?.meta === undefined) {
    const [of, other] = first?.meta === undefined ? [foreign!.name, first!.name] : [first.name, foreign!.name]
    throw new InputError(`${path} mixes files: ${of} comes from a run of rxargs, ${other} does not`)
  }
  for (const { name, meta } of metas) {
    const difference = describeMix({ name: first.name, meta: first.meta }, { name, meta: meta! })
    if (difference !== undefined) throw new InputError(`${path} mixes rows of several runs: ${difference}`)
  }
  await eachOnce(opened)
  return { files, meta: first.meta }
}

async function eachOnce(opened: readonly Readonly<{ name: string; file: ParquetFile }>[]): Promise<void> {
  const partOf = new Map<string, string>()
  for (const { name, file } of opened) {
    for await (const row of file.records(['id', 'sample'])) {
      const key = { id: String(row.id), sample: Number(row.sample) }
      const other = partOf.get(keyOf(key))
      if (other !== undefined) throw new InputError(describeDuplicate(key, other, name))
      partOf.set(keyOf(key), name)
    }
  }
}
