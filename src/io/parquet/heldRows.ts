import { basename } from 'node:path'
import { OutputError } from '../../core/errors.js'
import type { RowKey, RunMeta } from '../../core/run.js'
import { listParts } from './partFiles.js'
import { readParquet } from './readParquet.js'
import { RUN_KEY, runMeta } from './runMeta.js'

/** One text for one row: ids may hold any character. */
export const keyOf = ({ id, sample }: RowKey): string => `${sample} ${id}`

export type HeldRows = Readonly<{
  parts: readonly string[]
  /** What went into each part's run, by its path. */
  metas: ReadonlyMap<string, RunMeta>
  done: ReadonlySet<string>
  /** Rows that ended in an error, and the part that holds them. They are `done`, too. */
  failed: ReadonlyMap<string, string>
}>

function metaOf(path: string, metadata: ReadonlyMap<string, string>): RunMeta {
  const meta = runMeta(metadata)
  if (meta) return meta
  throw new OutputError(
    `Expected ${path} to be a part of a run of rxargs, found no \`${RUN_KEY}\` in its metadata; use another folder`,
  )
}

/**
 * Which rows a folder holds: of each part file the footer and the columns `id`, `sample` and `finish_reason`, a row group at a
 * time. Memory: one text a row.
 *
 * @throws OutputError when a part is of something else than a run
 * @throws InputError when a part cannot be read
 */
export async function heldRows(folder: string): Promise<HeldRows> {
  const parts = await listParts(folder)
  const metas = new Map<string, RunMeta>()
  const done = new Set<string>()
  const failed = new Map<string, string>()
  for (const path of parts) {
    const file = await readParquet(path)
    metas.set(path, metaOf(path, file.metadata))
    for await (const { id, sample, finish_reason: reason } of file.records(['id', 'sample', 'finish_reason'])) {
      if (typeof id !== 'string' || typeof sample !== 'number') {
        throw new OutputError(`Expected rows of ${basename(path)} to have \`id\` and \`sample\``)
      }
      const key = keyOf({ id, sample })
      done.add(key)
      if (reason === 'error') failed.set(key, path)
    }
  }
  return { parts, metas, done, failed }
}
