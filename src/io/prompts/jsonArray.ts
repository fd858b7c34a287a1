import { Tokenizer, TokenType } from '@streamparser/json'
import { InputError } from '../../core/errors.js'
import { type Line, LONGEST_LINE, lineOf } from './readLines.js'

/**
 * Reads the elements of a JSON array as text, numbered from 1. Memory: one element and one chunk.
 *
 * @param where the input's name, for messages
 * @throws InputError if the text is no JSON array; the message says after which element
 */
export async function* jsonArray(chunks: AsyncIterable<Uint8Array>, where: string): AsyncGenerator<Line> {
  const elements: Line[] = []
  let buffer = Buffer.alloc(0)
  let dropped = 0 // bytes before the buffer
  let from = 0 // where the element begins
  let depth = 0
  let number = 1
  let closedAt: number | undefined
  // Where the element begins as people count.
  let start = { line: 1, column: 1 }
  const move = (bytes: Buffer): void => {
    const text = bytes.toString()
    const lines = text.split('\n')
    const before = lines.length === 1 ? start.column : 1
    start = { line: start.line + lines.length - 1, column: before + lines.at(-1)!.length }
  }
  const failure = (what: string): InputError =>
    new InputError(
      `Expected ${where} to be one JSON array, found ${what} ${number === 1 ? 'at its start' : `after element ${number - 1}`}`,
    )
  const take = (end: number, isLast: boolean): void => {
    const bytes = buffer.subarray(from - dropped, end - dropped)
    if (!(isLast && number === 1 && bytes.toString('latin1').trim() === ''))
      elements.push({ ...lineOf([bytes], number++), start })
    move(buffer.subarray(from - dropped, end + 1 - dropped))
    from = end + 1
  }
  const tokenizer = new Tokenizer()
  tokenizer.onToken = ({ token, offset }) => {
    if (closedAt !== undefined) return
    if (token === TokenType.LEFT_BRACKET || token === TokenType.LEFT_BRACE) {
      if (depth++ > 0) return
      move(buffer.subarray(0, offset + 1 - dropped))
      from = offset + 1
    } else if (token === TokenType.COMMA && depth === 1) take(offset, false)
    else if (token === TokenType.RIGHT_BRACKET || token === TokenType.RIGHT_BRACE) {
      if (--depth > 0) return
      take(offset, true)
      closedAt = offset
    }
  }
  tokenizer.onError = (error) => {
    if (closedAt === undefined) throw failure(`what is no JSON (${error.message})`)
  }
  for await (const chunk of withoutMark(chunks)) {
    buffer = Buffer.concat([buffer, chunk])
    if (closedAt === undefined) tokenizer.write(chunk)
    yield* elements.splice(0)
    if (closedAt !== undefined) {
      const rest = buffer.subarray(closedAt + 1 - dropped).toString('latin1')
      if (rest.trim() !== '') throw failure('more behind its end')
      from = dropped + buffer.length
      closedAt = from - 1
    }
    buffer = buffer.subarray(from - dropped)
    dropped = from
    if (buffer.length > LONGEST_LINE) throw failure(`an element of more than ${LONGEST_LINE} bytes`)
  }
  if (closedAt === undefined) throw failure('no end')
}

const MARK = Buffer.of(0xef, 0xbb, 0xbf)

/** Drops a byte order mark at the start, which JSON does not allow. */
async function* withoutMark(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let isFirst = true
  for await (const chunk of chunks) {
    yield isFirst && MARK.equals(chunk.subarray(0, MARK.length)) ? chunk.subarray(MARK.length) : chunk
    isFirst = false
  }
}
