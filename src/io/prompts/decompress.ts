import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { Decompress } from 'fzstd'
import { InputError, messageOf } from '../../core/errors.js'

type Bytes = AsyncIterable<Uint8Array>

/**
 * Decompresses a gzip or zstd stream on demand, also one of several members.
 *
 * @param where the input's name, for messages
 * @throws InputError if the stream is damaged or ends too early; only gzip's checksum is checked
 */
export async function* decompress(bytes: Bytes, format: 'gzip' | 'zstd', where: string): AsyncGenerator<Uint8Array> {
  const read = track(bytes)
  try {
    yield* format === 'gzip' ? gunzip(read.bytes) : unzstd(read.bytes)
  } catch (error) {
    if (read.failed()) throw error
    throw new InputError(`Expected ${where} to be a whole ${format} stream: ${messageOf(error)}`)
  }
}

/** Passes bytes on, and remembers whether their source failed. */
function track(bytes: Bytes) {
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
  // A failure destroys the stream, so that its reader fails.
  pipeline(Readable.from(bytes, { objectMode: false }), stream).catch(() => undefined)
  yield* stream as Bytes
}

/** Small inputs of zstd may expand to a lot, so they go in a piece at a time. */
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
