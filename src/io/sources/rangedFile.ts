import { setTimeout as sleep } from 'node:timers/promises'
import type { AsyncBuffer } from 'hyparquet'
import { InputError, messageOf } from '../../core/errors.js'

/** An answer to a request for the bytes of a file from a position on. */
export type RangeAnswer = Readonly<{
  bytes: AsyncIterable<Uint8Array>
  /** Where the bytes begin: the position that was asked for, or 0 if the server knows no ranges. */
  start: number
  /** Size of the whole file, if the server tells it. */
  size?: number
  /** Changes when the file does, if the server tells it. */
  version?: string
}>

/** Asks for the bytes from `start` to `end` (exclusive; without it, to the file's end). Rejects with `Refused` where a retry is useless. */
export type ReadRange = (start: number, end?: number) => Promise<RangeAnswer>

/** The server's answer will not change, so the request is not repeated. */
export class Refused extends Error {}

/** Failures in a row, without a byte between them, after which a file counts as lost. */
const ATTEMPTS = 6
const FIRST_WAIT_MS = 250

export type RangedOptions = Readonly<{ name: string; read: ReadRange; wait?: (milliseconds: number) => Promise<unknown> }>

/**
 * Reads a remote file from its start. A connection that breaks is opened again where it broke, with growing pauses.
 *
 * @throws InputError if the server refuses, the file changes meanwhile, or connections keep breaking
 */
export async function* resumedBytes({ name, read, wait = sleep }: RangedOptions): AsyncGenerator<Uint8Array> {
  let at = 0
  let failures = 0
  let version: string | undefined
  let size = Number.POSITIVE_INFINITY
  while (at < size) {
    try {
      const range = await read(at)
      if (at > 0 && range.version !== version) throw new Refused(`it has changed while it was read (after ${at} bytes)`)
      version = range.version
      size = range.size ?? Number.POSITIVE_INFINITY
      let position = range.start
      for await (const chunk of range.bytes) {
        const unread = chunk.subarray(Math.max(0, at - position))
        position += chunk.length
        if (unread.length === 0) continue
        at += unread.length
        failures = 0
        yield unread
      }
      if (range.size === undefined) return
      if (at < size) throw new Error(`it ended after ${at} of ${size} bytes`)
    } catch (error) {
      if (error instanceof Refused || ++failures >= ATTEMPTS) throw unreadable(name, error)
      await wait(FIRST_WAIT_MS * 2 ** (failures - 1))
    }
  }
}

const unreadable = (name: string, error: unknown): InputError => new InputError(`Expected to read ${name}: ${causeOf(error)}`)

/** The message of a failed fetch is "fetch failed"; its cause says why. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error && cause.message !== '' ? `${messageOf(error)}: ${cause.message}` : messageOf(error)
}

/**
 * Opens a remote file for reading by position.
 *
 * @throws InputError like `resumedBytes`, and if the server knows no ranges
 */
export async function rangedBuffer({ name, read, wait = sleep }: RangedOptions): Promise<AsyncBuffer> {
  const attempt = async <T>(ask: () => Promise<T>): Promise<T> => {
    for (let failures = 1; ; failures++) {
      try {
        return await ask()
      } catch (error) {
        if (error instanceof Refused || failures >= ATTEMPTS) throw unreadable(name, error)
        await wait(FIRST_WAIT_MS * 2 ** (failures - 1))
      }
    }
  }
  const bytesOf = async (start: number, end: number): Promise<RangeAnswer & Readonly<{ whole: Buffer }>> => {
    const range = await read(start, end)
    if (range.start !== start || range.size === undefined)
      throw new Refused('Parquet is read by position, and the server answers no range requests')
    const chunks: Uint8Array[] = []
    for await (const chunk of range.bytes) chunks.push(chunk)
    const whole = Buffer.concat(chunks)
    if (whole.length !== Math.min(end, range.size) - start) throw new Error(`it gave ${whole.length} of ${end - start} bytes`)
    return { ...range, whole }
  }
  // The first byte is skipped: a server without ranges answers from 0, which a request from 0 would not show.
  const first = await attempt(() => bytesOf(1, 2))
  return {
    byteLength: first.size!,
    slice: async (start, end = first.size!) => {
      const { whole, version } = await attempt(() => bytesOf(start, Math.min(end, first.size!)))
      if (version !== first.version) throw unreadable(name, new Error('it has changed while it was read'))
      return whole.buffer.slice(whole.byteOffset, whole.byteOffset + whole.length) as ArrayBuffer
    },
  }
}
