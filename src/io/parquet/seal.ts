import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { InputError } from '../../core/errors.js'
import type { StoredFile } from '../stores/PartStore.js'

/** Key of a file's checksum in its metadata: SHA-256 of all its bytes, with zeros in place of the checksum itself. */
export const SEAL_KEY = 'rxargs.sha256'

/** Stands for the checksum until the file is complete. */
export const UNSEALED = '0'.repeat(64)

/** Finds the checksum in a footer. In the metadata its length, a byte or two, stands between the key and the value. */
function sealAt(footer: Buffer): number | undefined {
  const key = footer.lastIndexOf(SEAL_KEY)
  if (key === -1) return undefined
  const value = footer.subarray(key + SEAL_KEY.length)
  const found = value.toString('latin1').match(/^.{1,8}?(?=[0-9a-f]{64})/s)
  return found ? key + SEAL_KEY.length + found[0].length : undefined
}

/** Writes the checksum of a whole Parquet file, which has UNSEALED under SEAL_KEY, into it. Changes the bytes. */
export function seal(bytes: Uint8Array): Uint8Array {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const at = sealAt(file)
  if (at === undefined) throw new Error(`Expected \`${SEAL_KEY}\` in the metadata of the file`)
  file.write(createHash('sha256').update(file).digest('hex'), at, 'latin1')
  return bytes
}

const TAIL = 8
/** Each chunk of a remote file is a request. */
const CHUNK = 8 << 20

type Bytes = Readonly<{ size: number; read: (start: number, length: number) => Promise<Buffer> }>

const bytesOf = async (handle: FileHandle): Promise<Bytes> => ({
  size: (await handle.stat()).size,
  async read(start, length) {
    const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(length), position: start })
    return buffer.subarray(0, bytesRead)
  },
})

type Sealed = Readonly<{ at: number; sealed: string; digest: string }>

/** Finds a file's checksum, and computes the one that it should have; undefined if it has none. */
async function sealOf(path: string, { size, read }: Bytes): Promise<Sealed | undefined> {
  const tail = await read(Math.max(0, size - TAIL), TAIL)
  const length = tail.length === TAIL && tail.toString('latin1', 4) === 'PAR1' ? tail.readUInt32LE(0) : size
  if (length + TAIL > size) throw new InputError(`Expected ${path} to be a complete Parquet file, found no footer`)
  const start = size - TAIL - length
  const footer = await read(start, length)
  const at = sealAt(footer)
  if (at === undefined) return undefined
  const sealed = footer.toString('latin1', at, at + UNSEALED.length)
  footer.write(UNSEALED, at, 'latin1')
  const hash = createHash('sha256')
  for (let from = 0; from < start; from += CHUNK) hash.update(await read(from, Math.min(CHUNK, start - from)))
  return { at: start + at, sealed, digest: hash.update(footer).update(tail).digest('hex') }
}

/**
 * Whether a file has the bytes with which it was written: `intact`, `damaged`, or `unsealed` if it has no checksum.
 *
 * @throws InputError if it is no Parquet file
 */
export async function checkSeal({ name, buffer }: StoredFile): Promise<'intact' | 'damaged' | 'unsealed'> {
  const { byteLength, slice } = await buffer()
  const read = async (start: number, length: number) => Buffer.from(await slice(start, start + length))
  const found = await sealOf(name, { size: byteLength, read })
  if (found === undefined) return 'unsealed'
  return found.sealed === found.digest ? 'intact' : 'damaged'
}

/** Does as `seal` with a file on the disk. */
export async function sealFile(path: string): Promise<void> {
  const handle = await open(path, 'r+')
  try {
    const found = await sealOf(path, await bytesOf(handle))
    if (found === undefined) throw new Error(`Expected \`${SEAL_KEY}\` in the metadata of ${path}`)
    await handle.write(found.digest, found.at, 'latin1')
    await handle.sync()
  } finally {
    await handle.close()
  }
}
