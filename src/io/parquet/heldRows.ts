import { basename } from 'node:path'
import { OutputError } from '../../core/errors.js'
import type { RowKey, RunMeta } from '../../core/run.js'
import { listParts } from './partFiles.js'
import { readParquet } from './readParquet.js'
import { RUN_KEY, runMeta } from './runMeta.js'

/** One text for one row: ids may hold any character. */
export const keyOf = ({ id, sample }: RowKey): string => `${sample} ${id}`

/** A row of a folder: the part that holds it, the hash of its prompt (null if an earlier version wrote the part), and whether it is an error row. */
export type HeldRow = Readonly<{ part: string; promptHash: string | null; isError: boolean }>

export type HeldRows = Readonly<{
  parts: readonly string[]
  /** What went into each part's run, by its path. */
  metas: ReadonlyMap<string, RunMeta>
  /** By `keyOf`. */
  rows: ReadonlyMap<string, HeldRow>
}>

function metaOf(path: string, metadata: ReadonlyMap<string, string>): RunMeta {
  const meta = runMeta(metadata)
  if (meta) return meta
  throw new OutputError(
    `Expected ${path} to be a part of a run of rxargs, found no \`${RUN_KEY}\` in its metadata; use another folder`,
  )
}

/**
 * Which rows a folder holds: of each part file the footer and four columns, a row group at a time. Memory: some texts a row.
 *
 * @throws OutputError when a part is of something else than a run, or a row is there twice
 * @throws InputError when a part cannot be read
 */
export async function heldRows(folder: string): Promise<HeldRows> {
  const parts = await listParts(folder)
  const metas = new Map<string, RunMeta>()
  const rows = new Map<string, HeldRow>()
  for (const part of parts) {
    const file = await readParquet(part)
    metas.set(part, metaOf(part, file.metadata))
    for await (const row of file.records(['id', 'sample', 'finish_reason', 'prompt_hash'])) {
      const { id, sample, finish_reason: reason, prompt_hash: hash } = row
      if (typeof id !== 'string' || typeof sample !== 'number') {
        throw new OutputError(`Expected rows of ${basename(part)} to have \`id\` and \`sample\``)
      }
      const key = keyOf({ id, sample })
      const other = rows.get(key)
      if (other !== undefined)
        throw new OutputError(
          `${describeDuplicate({ id, sample }, other.part, part)}. Use another folder, or --force to replace all rows`,
        )
      rows.set(key, { part, promptHash: typeof hash === 'string' ? hash : null, isError: reason === 'error' })
    }
  }
  return { parts, metas, rows }
}

/** Says which row is there twice, and where. */
export const describeDuplicate = ({ id, sample }: RowKey, one: string, other: string): string =>
  `Row \`${id}\`, sample ${sample}, is there twice: ${one === other ? `both times in ${one}` : `in ${one} and in ${other}`}`
