import { InputError } from '../../core/errors.js'
import { type InputFile, lastPart } from '../sources/inputFile.js'
import { listInput } from '../sources/listInput.js'
import { type ContentKind, contentKind, HEAD_BYTES, type RowFormat } from './contentKind.js'
import { decompress } from './decompress.js'

type Bytes = AsyncIterable<Uint8Array>

/** An open input: its format and its decompressed bytes. Parquet is read by position instead. */
export type OpenInput = RowFormat & Readonly<{ bytes: Bytes; close: () => Promise<void> }>

const COMPRESSED = /\.(gz|gzip|zst|zstd)$/i
const READABLE = 'JSONL, a JSON array, CSV (each also as gzip or zstd) or Parquet'

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
 * Opens a file of an input and recognizes its kind by the first bytes. Reads no further.
 *
 * @param columns CSV without the ending .csv or .tsv is recognized by one of these columns
 * @throws InputError for a kind that cannot be read; the message names the file and the kind
 */
export async function openInput(file: InputFile, columns: readonly string[] = []): Promise<OpenInput> {
  const where = file.name
  const refusal = (what: string): InputError => new InputError(`Expected ${READABLE} in ${where}, found ${what}`)
  let bytes: Bytes = file.bytes()
  let name = lastPart(where)
  for (let layers = 0; ; layers++) {
    const content = await peek(bytes, (head, ended) => contentKind(head, ended, { name, columns }))
    const { kind, close } = content
    if ('format' in kind) {
      if (kind.format !== 'parquet') return { ...kind, bytes: content.bytes, close }
      await close()
      if (layers > 0) throw refusal('compressed Parquet (decompress it first: its pages are compressed already)')
      if (file.buffer === undefined) throw refusal('Parquet (which needs a file: its table of contents is at its end)')
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

/** An input of more files has only so many of them opened before the run. */
const CHECKED = 1000

/**
 * Checks an input before a run loads its models. It does not look into pipes, because their bytes can be read only once.
 *
 * @param columns CSV is recognized by one of these columns
 * @throws InputError if there is nothing at the path, or a file that cannot be read; `-` is not checked
 */
export async function checkInput(path: string, columns?: readonly string[]): Promise<void> {
  if (path === '-') return
  const files = await listInput(path)
  const local = files.filter(({ size }) => size !== undefined)
  // Of remote files one shows whether the address and the access are right.
  for (const file of local.length > 0 ? local.slice(0, CHECKED) : files.filter(({ buffer }) => buffer).slice(0, 1))
    await (await openInput(file, columns)).close()
}
