import { InputError, messageOf } from '../core/errors.js'
import type { RowKey, RunMeta } from '../core/run.js'
import { keyOf } from './parquet/heldRows.js'
import { readParquet } from './parquet/readParquet.js'
import { RUN_KEY, runMeta } from './parquet/runMeta.js'
import { describeMix } from './parquet/sameRun.js'
import { checkSeal } from './parquet/seal.js'
import { parquetAmong, parquetFiles } from './readRows.js'
import { isS3 } from './sources/s3Client.js'
import { openStore } from './stores/openStore.js'
import type { PartStore, StoredFile } from './stores/PartStore.js'
import { strayFiles } from './strayFiles.js'

/** A row that the input asks for. */
export type ExpectedRow = RowKey & Readonly<{ promptHash: string }>

export type Verification = Readonly<{
  files: number
  rows: number
  /** How many of the rows are error rows. */
  errors: number
  /** What is wrong, one line each. */
  problems: readonly string[]
  /** What is worth knowing and is not wrong. */
  notices: readonly string[]
}>

type Held = Readonly<{ path: string; hash: string | null }>
type Found = {
  files: number
  errors: number
  first?: Readonly<{ name: string; meta: RunMeta }>
  rows: Map<string, Held>
  twice: ReturnType<typeof findings>
}

/** Names at most this many rows or files of a kind. */
const NAMED = 5

const listed = (names: readonly string[]): string =>
  `${names.slice(0, NAMED).join(', ')}${names.length > NAMED ? ` and ${names.length - NAMED} more` : ''}`

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

/** A folder or single file, and its Parquet files. */
type RunSource = Readonly<{ store: PartStore; files: readonly StoredFile[] }>

/**
 * Lists the files of folders and single files. A folder may be empty, as that of a shard without prompts is.
 *
 * @throws InputError if there is none at all
 */
export async function runFiles(paths: readonly string[]): Promise<ReadonlyMap<string, RunSource>> {
  const found = new Map<string, RunSource>()
  for (const path of paths) {
    const store = openStore(path)
    found.set(path, { store, files: (await isEmptyFolder(path, store)) ? [] : await parquetFiles(path, store) })
  }
  if ([...found.values()].every(({ files }) => files.length === 0))
    throw new InputError(`Expected Parquet files in ${paths.join(', ')}, found none`)
  return found
}

/** Whether a path is a folder that is there, without Parquet files. A prefix of S3 is there if it has objects. */
async function isEmptyFolder(path: string, store: PartStore): Promise<boolean> {
  if (!(await store.isFolder().catch(() => false))) return false
  const names = await store.list()
  return parquetAmong(names).length === 0 && (names.length > 0 || !isS3(path))
}

/** Gathers findings of a kind, so that a thousand of them are one line. */
function findings() {
  const kinds = new Map<string, { count: number; names: string[] }>()
  return {
    add(kind: string, name: string) {
      const one = kinds.get(kind) ?? { count: 0, names: [] }
      if (one.count++ < NAMED) one.names.push(name)
      kinds.set(kind, one)
    },
    lines: () =>
      [...kinds].map(([kind, { count, names }]) => {
        const more = count > names.length ? ` and ${count - names.length} more` : ''
        return `${kind}: ${counted(count, 'row')}: ${names.join(', ')}${more}`
      }),
  }
}

/**
 * Checks the rows of one or more folders, such as the shards of a run, or of single files: each file has the bytes with which it was written,
 * all come from one run, and each row is there once. With the rows that an input asks for, each of them is there, made from this prompt, and no
 * other. Memory: a few texts per row.
 *
 * @param expected gives the rows that the input asks for, once the run is known
 * @throws InputError if a path holds no Parquet files
 */
export async function verifyRun(
  paths: readonly string[],
  expected?: (meta: RunMeta) => AsyncIterable<ExpectedRow>,
): Promise<Verification> {
  const problems: string[] = []
  const notices: string[] = []
  const found: Found = { files: 0, errors: 0, rows: new Map(), twice: findings() }
  const unsealed: string[] = []
  const sources = await runFiles(paths)
  for (const [folder, { store, files }] of sources) {
    for (const one of files) {
      found.files++
      try {
        await readPart(one, found, { problems, unsealed })
      } catch (error) {
        if (!(error instanceof InputError)) throw error
        problems.push(messageOf(error))
      }
    }
    if (!(await store.isFolder())) continue
    if (files.length === 0) notices.push(`${folder} has no rows`)
    notices.push(...(await strayFiles(folder, { store, writing: files.length === 0 })))
  }
  const { first, rows, files, errors } = found
  if (unsealed.length > 0) notices.push(`No checksum in ${counted(unsealed.length, 'file')}: ${listed(unsealed)}`)
  const count = rows.size
  problems.push(...found.twice.lines())
  if (first !== undefined)
    problems.push(...(expected ? await compare(rows, expected(first.meta)) : missingSamples(rows, first.meta)))
  return { files, rows: count, errors, problems, notices }
}

async function readPart(
  one: StoredFile,
  found: Found,
  { problems, unsealed }: Readonly<{ problems: string[]; unsealed: string[] }>,
) {
  const path = one.name
  const state = await checkSeal(one)
  if (state === 'damaged') problems.push(`${path} is damaged: its bytes are not those that were written`)
  if (state === 'unsealed') unsealed.push(path)
  const file = await readParquet(one)
  const meta = runMeta(file.metadata)
  if (meta === undefined) problems.push(`${path} is no part of a run: it has no \`${RUN_KEY}\` in its metadata`)
  else {
    const mix = found.first && describeMix(found.first, { name: path, meta })
    if (mix !== undefined) problems.push(`Rows of several runs: ${mix}`)
    found.first ??= { name: path, meta }
  }
  // Without a checksum only reading all of it shows damage.
  const columns = state === 'intact' ? ['id', 'sample', 'finish_reason', 'prompt_hash'] : undefined
  for await (const { id, sample, finish_reason: reason, prompt_hash: hash } of file.records(columns)) {
    const key = keyOf({ id: String(id), sample: Number(sample) })
    const other = found.rows.get(key)
    if (other !== undefined)
      found.twice.add('There twice', `${nameOf(key)} in ${other.path === path ? path : `${other.path} and in ${path}`}`)
    else found.rows.set(key, { path, hash: typeof hash === 'string' ? hash : null })
    if (reason === 'error') found.errors++
  }
}

const nameOf = (key: string): string => {
  const at = key.indexOf(' ')
  const sample = key.slice(0, at)
  return `\`${key.slice(at + 1)}\`${sample === '0' ? '' : ` (sample ${sample})`}`
}

/** Compares rows with those that an input asks for. Empties the map. */
async function compare(rows: Map<string, Held>, expected: AsyncIterable<ExpectedRow>): Promise<string[]> {
  const found = findings()
  for await (const row of expected) {
    const key = keyOf(row)
    const held = rows.get(key)
    if (held === undefined) found.add('Missing', nameOf(key))
    else if (held.hash === null) found.add('Made by an earlier version, without a hash of the prompt', nameOf(key))
    else if (held.hash !== row.promptHash) found.add('Made from another prompt or other settings of the row', nameOf(key))
    rows.delete(key)
  }
  for (const key of rows.keys()) found.add('Not in the input', nameOf(key))
  return found.lines()
}

/** Without an input, a prompt's other samples tell which of them are missing. */
function missingSamples(rows: ReadonlyMap<string, Held>, { spec: { samples } }: RunMeta): string[] {
  const found = findings()
  if (typeof samples !== 'number' || samples < 2) return []
  const ids = new Set([...rows.keys()].map((key) => key.slice(key.indexOf(' ') + 1)))
  for (const id of ids)
    for (let sample = 0; sample < samples; sample++) {
      const key = keyOf({ id, sample })
      if (!rows.has(key)) found.add('Missing', nameOf(key))
    }
  return found.lines()
}
