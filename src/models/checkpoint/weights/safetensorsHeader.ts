import type { FileHandle } from 'node:fs/promises'
import * as z from 'zod'
import { ModelError, messageOf } from '../../../core/errors.js'
import { openFile, parseJson } from '../readJson.js'

/** The format's own limit on its header, in bytes. */
const MAX_HEADER = 100_000_000

/** `version ` at the start of a file: what Git LFS leaves in the place of a file that it has not fetched. */
const LFS_POINTER = Buffer.from('version ').readBigUInt64LE()

/** Bytes per element for the format's types. Only some of them are supported as weights. */
const ELEMENT_BYTES: ReadonlyMap<string, number> = new Map([
  ['F64', 8],
  ['I64', 8],
  ['U64', 8],
  ['C64', 8],
  ['F32', 4],
  ['I32', 4],
  ['U32', 4],
  ['F16', 2],
  ['BF16', 2],
  ['I16', 2],
  ['U16', 2],
  ['I8', 1],
  ['U8', 1],
  ['BOOL', 1],
  ['F8_E4M3', 1],
  ['F8_E5M2', 1],
])

/** One tensor of a file: `begin` is its byte offset from the start of the file, `length` its size in bytes. `dtype` may be any of the format's. */
export type HeaderEntry = Readonly<{ dtype: string; shape: readonly number[]; begin: number; length: number }>

const size = z.number().int().nonnegative()
const entrySchema = z.object({ dtype: z.string(), shape: z.array(size), data_offsets: z.tuple([size, size]) })

async function readExactly(handle: FileHandle, length: number, position: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length)
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(bytes, done, length - done, position + done)
    if (bytesRead === 0) throw new ModelError('it shrank while it was read')
    done += bytesRead
  }
  return bytes
}

/** Reads the header's text, and the length of the data after it. */
async function readHeaderText(handle: FileHandle, file: string): Promise<{ text: string; dataLength: number }> {
  const { size: fileLength } = await handle.stat()
  if (fileLength < 8) throw new ModelError(`Expected ${file} to begin with an 8-byte header length, got ${fileLength} bytes`)
  const length = (await readExactly(handle, 8, 0)).readBigUInt64LE(0)
  if (length === LFS_POINTER)
    throw new ModelError(`Expected weights in ${file}, got a Git LFS pointer to them; \`git lfs pull\` fetches them`)
  if (length > MAX_HEADER) throw new ModelError(`Expected the header of ${file} to be at most ${MAX_HEADER} bytes, got ${length}`)
  if (Number(length) > fileLength - 8)
    throw new ModelError(`Expected ${length} bytes of header in ${file}, got ${fileLength - 8}: the file is truncated`)
  const text = (await readExactly(handle, Number(length), 8)).toString('utf8')
  return { text, dataLength: fileLength - 8 - Number(length) }
}

function parseEntry(name: string, value: unknown, file: string): HeaderEntry {
  const parsed = entrySchema.safeParse(value)
  if (!parsed.success)
    throw new ModelError(
      `Expected \`dtype\`, \`shape\` and two \`data_offsets\` of tensor \`${name}\` in ${file}, got ${JSON.stringify(value).slice(0, 120)}`,
    )
  const { dtype, shape, data_offsets: offsets } = parsed.data
  const length = offsets[1] - offsets[0]
  const bytes = ELEMENT_BYTES.get(dtype)
  const expected = bytes === undefined ? undefined : shape.reduce((product, side) => product * side, bytes)
  if (length < 0 || (expected !== undefined && expected !== length))
    throw new ModelError(
      `Expected ${expected ?? 'some'} bytes for tensor \`${name}\` (${dtype} [${shape.join(', ')}]) in ${file}, got ${length} (offsets ${offsets.join(' to ')})`,
    )
  return { dtype, shape, begin: offsets[0], length }
}

/** The format requires that each byte of the data belongs to exactly one tensor. */
function checkLayout(entries: ReadonlyMap<string, HeaderEntry>, dataLength: number, file: string): void {
  const inOrder = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.length - b.length)
  let end = 0
  let last: string | undefined
  for (const [name, { begin, length }] of inOrder) {
    if (begin + length > dataLength)
      throw new ModelError(
        `Expected tensor \`${name}\` to end within the ${dataLength} bytes of data of ${file}, got offset ${begin + length}: the file is truncated or its offsets are wrong`,
      )
    if (begin < end) throw new ModelError(`Expected tensors of ${file} not to overlap, got \`${name}\` over \`${last}\``)
    if (begin > end)
      throw new ModelError(
        `Expected tensor \`${name}\` in ${file} to begin at offset ${end}, after ${last === undefined ? 'the header' : `\`${last}\``}, got ${begin}`,
      )
    end = begin + length
    last = name
  }
  if (end !== dataLength) throw new ModelError(`Expected ${file} to end with its last tensor, got ${dataLength - end} bytes more`)
}

/**
 * Reads the header of one safetensors file, without its weights.
 *
 * @throws ModelError if the file is truncated, its header is broken, or its tensors leave gaps or overlap
 * @see https://github.com/huggingface/safetensors (format)
 */
export async function readSafetensorsHeader(file: string): Promise<ReadonlyMap<string, HeaderEntry>> {
  const handle = await openFile(file)
  try {
    const { text, dataLength } = await readHeaderText(handle, file)
    const header = Object.entries(parseJson(text, `the header of ${file}`)).filter(([name]) => name !== '__metadata__')
    const entries = new Map(header.map(([name, value]) => [name, parseEntry(name, value, file)] as const))
    checkLayout(entries, dataLength, file)
    const dataBegin = (await handle.stat()).size - dataLength
    return new Map([...entries].map(([name, entry]) => [name, { ...entry, begin: entry.begin + dataBegin }]))
  } catch (error) {
    if (error instanceof ModelError) throw error
    throw new ModelError(`Expected to read ${file}: ${messageOf(error)}`)
  } finally {
    await handle.close()
  }
}
