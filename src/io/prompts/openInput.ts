import { createReadStream, type Stats } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { InputError, messageOf } from '../../core/errors.js'
import { parquetFiles } from '../readRows.js'
import { type ContentKind, contentKind, HEAD_BYTES, type RowFormat } from './contentKind.js'
import { decompress } from './decompress.js'

type Bytes = AsyncIterable<Uint8Array>

/** An open input: its format and its decompressed bytes. Parquet is read by position instead. */
export type OpenInput = RowFormat & Readonly<{ bytes: Bytes; close: () => Promise<void> }>

export type OpenOptions = Readonly<{
  /** The bytes behind `-`. */
  stdin?: Bytes
  /** CSV without the ending .csv or .tsv is recognized by one of these columns. */
  columns?: readonly string[]
}>

const CHUNK = 1 << 20
const COMPRESSED = /\.(gz|gzip|zst|zstd)$/i
const READABLE = 'JSONL, a JSON array, CSV (each also as gzip or zstd) or Parquet'

/** Name of an input in messages. */
export const inputName = (path: string): string => (path === '-' ? 'stdin' : path)

/** Reads chunks until their kind is certain. Gives the kind and all bytes from the first on. */
async function peek(bytes: Bytes, kindOf: (head: Uint8Array, ended: boolean) => ContentKind | undefined) {
  const source = bytes[Symbol.asyncIterator]()
  let head: Uint8Array = new Uint8Array()
  let kind: ContentKind | undefined
  let ended = false
  try {
    while (kind === undefined) {
      const next = await source.next()
      ended = next.done === true
      if (!ended) head = head.length === 0 ? next.value : Buffer.concat([head, next.value])
      kind = kindOf(head.subarray(0, HEAD_BYTES), ended)
    }
  } catch (error) {
    await source.return?.()
    throw error
  }
  async function* all(): AsyncGenerator<Uint8Array> {
    try {
      if (head.length > 0) yield head
      head = new Uint8Array()
      while (!ended) {
        const next = await source.next()
        ended = next.done === true
        if (!ended) yield next.value
      }
    } finally {
      await source.return?.()
    }
  }
  return { kind, bytes: all(), close: async () => void (await source.return?.()) }
}

/**
 * Opens a file or standard input (`-`) and recognizes its kind by the first bytes. Reads no further.
 *
 * @throws InputError for a kind that cannot be read; the message names the path and the kind
 */
export async function openInput(path: string, options: OpenOptions = {}): Promise<OpenInput> {
  const { stdin = process.stdin, columns = [] } = options
  const where = inputName(path)
  const refusal = (what: string): InputError => new InputError(`Expected ${READABLE} in ${where}, found ${what}`)
  let bytes: Bytes = path === '-' ? stdin : createReadStream(path, { highWaterMark: CHUNK })
  let name = basename(path)
  for (let layers = 0; ; layers++) {
    const content = await peek(bytes, (head, ended) => contentKind(head, ended, { name, columns }))
    const { kind, close } = content
    if ('format' in kind) {
      if (kind.format !== 'parquet') return { ...kind, bytes: content.bytes, close }
      await close()
      if (layers > 0) throw refusal('compressed Parquet (decompress it first: its pages are compressed already)')
      if (path === '-') throw refusal('Parquet (which needs a file: its table of contents is at its end)')
      return { ...kind, bytes: content.bytes, close }
    }
    if ('unreadable' in kind || layers > 0) {
      await close()
      throw refusal('unreadable' in kind ? kind.unreadable : 'data compressed twice')
    }
    bytes = decompress(content.bytes, kind.compressed, where)
    name = name.replace(COMPRESSED, '')
  }
}

/** @throws InputError if there is nothing at the path */
export async function statInput(path: string): Promise<Stats> {
  return stat(path).catch((error: unknown) => {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw new InputError(`Expected an input file at ${path}, ${missing ? 'found nothing there' : messageOf(error)}`)
  })
}

/** @throws InputError for a folder without Parquet files; the message says what it holds */
export async function parquetInFolder(path: string): Promise<readonly string[]> {
  const names = await readdir(path)
  if (names.some((name) => name.endsWith('.parquet'))) return parquetFiles(path)
  const there = names.slice(0, 3).join(', ') || 'nothing'
  throw new InputError(`Expected a file, or a folder of Parquet files, at ${path}, found a folder of ${there}`)
}

/**
 * Checks an input before a run loads its models. It does not look into pipes, because their bytes can be read only once.
 *
 * @param columns CSV is recognized by one of these columns
 * @throws InputError if there is nothing at the path, or a file that cannot be read; `-` is not checked
 */
export async function checkInput(path: string, columns?: readonly string[]): Promise<void> {
  if (path === '-') return
  const found = await statInput(path)
  if (found.isDirectory()) await parquetInFolder(path)
  else if (found.isFile()) await (await openInput(path, { columns })).close()
}
