import { OutputError } from '../core/errors.js'
import type { Row, RowKey, RunMeta } from '../core/run.js'
import { keyOf } from './parquet/heldRows.js'
import { encodePart } from './parquet/partBuffer.js'
import { addNumberedPart } from './parquet/partFiles.js'
import { partName } from './parquet/partNames.js'
import { readParquet } from './parquet/readParquet.js'
import type { PartStore } from './stores/PartStore.js'

/** A part file that one job of a queue makes: its place, its number, and its rows with the hashes of their prompts. */
export type JobPart = Readonly<{ store: PartStore; number: number; rows: readonly (RowKey & Readonly<{ promptHash: string }>)[] }>

/** What a part holds. `reward` is the sum over the `rewarded` rows that have one. */
export type PartFigures = Readonly<{ rows: number; errors: number; tokens: number; reward: number; rewarded: number }>

const READ = ['id', 'sample', 'prompt_hash', 'finish_reason', 'completion_tokens', 'reward']

/**
 * Reads the figures of a job's part from its file; undefined if there is none yet.
 *
 * @throws OutputError if a file of that name holds other rows
 * @throws InputError if it cannot be read
 */
export async function readJobPart({ store, number, rows }: JobPart): Promise<PartFigures | undefined> {
  const name = partName(number)
  if (!(await store.has(name))) return undefined
  const path = store.pathOf(name)
  const expected = new Map(rows.map((row) => [keyOf(row), row.promptHash]))
  const figures = { rows: 0, errors: 0, tokens: 0, reward: 0, rewarded: 0 }
  const file = await readParquet(store.file(path))
  for await (const row of file.records(READ)) {
    const key = keyOf({ id: String(row.id), sample: Number(row.sample) })
    if (expected.get(key) !== row.prompt_hash) throw otherRows(path)
    expected.delete(key)
    figures.rows++
    if (row.finish_reason === 'error') figures.errors++
    figures.tokens += Number(row.completion_tokens ?? 0)
    if (typeof row.reward !== 'number') continue
    figures.reward += row.reward
    figures.rewarded++
  }
  if (expected.size > 0) throw otherRows(path)
  return figures
}

const otherRows = (path: string): OutputError =>
  new OutputError(`Expected ${path} to hold the rows of its job, found others: a file of another run is in its place`)

/**
 * Writes the rows of a job as its part, unless another worker has written it meanwhile, and gives what the file holds. Rows stand in the order
 * of the job.
 *
 * @throws OutputError if the part cannot be written
 */
export async function writeJobPart(part: JobPart, rows: ReadonlyMap<string, Row>, meta: RunMeta): Promise<PartFigures> {
  const { store, number } = part
  const ordered = part.rows.map((key) => {
    const row = rows.get(keyOf(key))
    if (row?.promptHash !== key.promptHash)
      throw new OutputError(
        `Expected a row of \`${key.id}\` with the hash of its prompt as submitted, got ${row ? 'another' : 'none'}`,
      )
    return row
  })
  await addNumberedPart(store, number, encodePart(ordered, meta))
  const figures = await readJobPart(part)
  if (figures === undefined) throw new OutputError(`Expected ${store.pathOf(partName(number))} to be there once it is written`)
  return figures
}
