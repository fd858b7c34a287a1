import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { Decompress } from 'fzstd'
import { InputError, messageOf } from '../../core/errors.js'

type Bytes = AsyncIterable<Uint8Array>

/**
 * The bytes of a gzip or zstd stream, of several members too, as they are pulled.
 *
 * @param where the input's name, for messages
 * @throws InputError where the stream is damaged or ends too early; a checksum is checked of gzip only
 */
export async function* decompress(bytes: Bytes, format: 'gzip' | 'zstd', where: string): AsyncGenerator<Uint8Array> {
  const read = tracked(bytes)
  try {
    yield* format === 'gzip' ? gunzip(read.bytes) : unzstd(read.bytes)
  } catch (error) {
    if (read.failed()) throw error
    throw new InputError(`Expected ${where} to be a whole ${format} stream: ${messageOf(error)}`)
  }
}

/** The same bytes, and whether it was their source that failed. */
function tracked(bytes: Bytes) {
  let failed = false
  async function* through() {
    try {
      yield* bytes
    } catch (error) {
      failed = true
      throw error
    }
  }
  return { bytes: through(), failed: () => failed }
}

async function* gunzip(bytes: Bytes): AsyncGenerator<Uint8Array> {
  const stream = createGunzip()
  // A failure destroys the stream, which then fails whoever reads it.
  pipeline(Readable.from(bytes, { objectMode: false }), stream).catch(() => undefined)
  yield* stream as Bytes
}

/** Small inputs of zstd may hold much: they go in a piece at a time. */
const PIECE = 1 << 13

async function* unzstd(bytes: Bytes): AsyncGenerator<Uint8Array> {
  let out: Uint8Array[] = []
  const stream = new Decompress((data) => {
    if (data.length > 0) out.push(data)
  })
  const take = (): Uint8Array[] => {
    const taken = out
    out = []
    return taken
  }
  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.length; at += PIECE) {
      stream.push(chunk.subarray(at, at + PIECE))
      yield* take()
    }
  }
  stream.push(new Uint8Array(), true)
  yield* take()
}
