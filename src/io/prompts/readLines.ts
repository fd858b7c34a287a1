/**
 * One line of a text file, or an element of a JSON array, with its number. `start` is where an element's text begins in the file. An
 * unreadable one has a `problem` instead of text.
 */
export type Line = Readonly<{
  number: number
  text?: string
  problem?: string
  start?: Readonly<{ line: number; column: number }>
}>

const NEWLINE = 0x0a
const RETURN = 0x0d
/** Longer lines are no prompts, and Node can hold no text of more than 512 MiB. */
export const LONGEST_LINE = 64 * 2 ** 20

const decoder = new TextDecoder('utf-8', { fatal: true })

/** Decodes the bytes of a line, without a `\r` at the end. */
export function lineOf(pieces: readonly Uint8Array[], number: number): Line {
  const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
  const end = bytes.at(-1) === RETURN ? bytes.length - 1 : bytes.length
  try {
    // A byte order mark is dropped before the first line. Elsewhere it is text.
    const text = decoder.decode(bytes.subarray(0, end))
    return { number, text: number > 1 && startsWithMark(bytes) ? `\ufeff${text}` : text }
  } catch {
    return { number, problem: 'UTF-8' }
  }
}

const startsWithMark = (bytes: Uint8Array): boolean => bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf

/**
 * Reads lines of UTF-8 text, numbered from 1. It splits at `\n` only, because JSON strings may hold other separators, and drops a `\r` before
 * it and a byte order mark at the start. A line that is too long is skipped without filling memory.
 */
export async function* readLines(chunks: AsyncIterable<Uint8Array>, { longest = LONGEST_LINE } = {}): AsyncGenerator<Line> {
  let pieces: Uint8Array[] = []
  let length = 0
  let number = 1
  const add = (piece: Uint8Array) => {
    length += piece.length
    if (length > longest) pieces = []
    else if (piece.length > 0) pieces.push(piece)
  }
  const take = (): Line => {
    const line = length > longest ? { number, problem: `at most ${longest} bytes` } : lineOf(pieces, number)
    pieces = []
    length = 0
    number++
    return line
  }
  for await (const chunk of chunks) {
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      add(chunk.subarray(start, end))
      yield take()
      start = end + 1
    }
    add(chunk.subarray(start))
  }
  if (length > 0) yield take()
}
