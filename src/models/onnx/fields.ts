import type { FileHandle } from 'node:fs/promises'

/** A field with a length: its number, and the position of its bytes in the file. */
export type Field = Readonly<{ number: number; begin: number; end: number }>

/** Reads bytes of a file on demand, in pieces. */
export type FileWindow = Readonly<{ bytes(begin: number, length: number): Promise<Uint8Array> }>

const PIECE = 1 << 16

export function fileWindow(handle: FileHandle): FileWindow {
  let held: Uint8Array = new Uint8Array(0)
  let heldAt = 0
  return {
    async bytes(begin, length) {
      if (begin < heldAt || begin + length > heldAt + held.length) {
        const piece = Buffer.allocUnsafe(Math.max(PIECE, length))
        let done = 0
        while (done < length) {
          const { bytesRead } = await handle.read(piece, done, piece.length - done, begin + done)
          if (bytesRead === 0) throw new Error('it ends too early')
          done += bytesRead
        }
        held = piece.subarray(0, done)
        heldAt = begin
      }
      return held.subarray(begin - heldAt, begin - heldAt + length)
    },
  }
}

/** Wire types of protobuf. */
const [VARINT, FIXED64, WITH_LENGTH, FIXED32] = [0, 1, 2, 5]
const MOST_VARINT = 10

/**
 * Reads the fields with a length of the message in [begin, end), in order. It skips other fields.
 *
 * @see https://protobuf.dev/programming-guides/encoding
 */
export async function* fieldsOf(window: FileWindow, begin: number, end: number): AsyncGenerator<Field> {
  let at = begin
  const varint = async (): Promise<number> => {
    let value = 0
    const bytes = await window.bytes(at, Math.min(MOST_VARINT, end - at))
    for (const [index, byte] of bytes.entries()) {
      value += (byte & 0x7f) * 2 ** (7 * index)
      if (byte < 0x80) {
        at += index + 1
        return value
      }
    }
    throw new Error(`the number at byte ${at} does not end`)
  }
  while (at < end) {
    const fieldAt = at
    const key = await varint()
    const number = Math.floor(key / 8)
    const type = key % 8
    if (number === 0 || ![VARINT, FIXED64, WITH_LENGTH, FIXED32].includes(type))
      throw new Error(`byte ${fieldAt} does not start a field`)
    if (type === VARINT) await varint()
    else {
      const length = type === WITH_LENGTH ? await varint() : type === FIXED64 ? 8 : 4
      if (at + length > end) throw new Error(`field ${number} at byte ${fieldAt} ends after its message: the file is truncated`)
      if (type === WITH_LENGTH) yield { number, begin: at, end: at + length }
      at += length
    }
  }
}
