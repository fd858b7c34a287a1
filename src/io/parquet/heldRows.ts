import { basename } from 'node:path'
import { OutputError } from '../../core/errors.js'
import type { RowKey, RunMeta } from '../../core/run.js'
import type { PartStore } from '../stores/PartStore.js'
import { listParts } from './partFiles.js'
import { readParquet } from './readParquet.js'
import { RUN_KEY, runMeta } from './runMeta.js'

/** Text that identifies a row. The sample comes first, because ids may hold any character. */
export const keyOf = ({ id, sample }: RowKey): string => `${sample} ${id}`

/** A row of a folder: the part that holds it, the hash of its prompt (null if an earlier version wrote the part), and whether it is an error row. */
export type HeldRow = Readonly<{ part: string; promptHash: string | null; isError: boolean }>

export type HeldRows = Readonly<{
  parts: readonly string[]
  /** Metadata of each part's run, by path. */
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
 * Reads which rows a folder holds: the footer and four columns of each part file, a row group at a time. Memory: a few texts per row.
 *
 * @throws OutputError if a part does not come from a run, or a row is there twice
 * @throws InputError if a part cannot be read
 */
export async function heldRows(store: PartStore): Promise<HeldRows> {
  const parts = await listParts(store)
  const metas = new Map<string, RunMeta>()
  const rows = new Map<string, HeldRow>()
  for (const part of parts) {
    const file = await readParquet(store.file(part))
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
