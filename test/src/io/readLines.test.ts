import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readLines } from '../../../src/io/prompts/readLines.js'
import { gathered } from './fakeRun.js'

const encoder = new TextEncoder()

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

const linesOf = (bytes: Uint8Array, { size = 1 << 16, longest = 1000 } = {}) =>
  gathered(readLines(inChunks(bytes, size), { longest }))

describe('readLines', () => {
  it('splits at newlines only, for any chunks', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: fc.constantFrom('a', 'é', '😀', '\u2028', '\u2029', '\u0085', '\r', ' '), maxLength: 6 })),
        fc.integer({ min: 1, max: 7 }),
        async (lines, size) => {
          const found = await linesOf(encoder.encode(lines.map((line) => `${line}\n`).join('')), { size })
          expect(found).toEqual(lines.map((line, index) => ({ number: index + 1, text: line.replace(/\r$/, '') })))
        },
      ),
    ))

  it('reads a last line without newline, and none after a final newline', async () => {
    expect(await linesOf(encoder.encode('a\nb'))).toEqual([
      { number: 1, text: 'a' },
      { number: 2, text: 'b' },
    ])
    expect(await linesOf(encoder.encode('a\n'))).toEqual([{ number: 1, text: 'a' }])
    expect(await linesOf(encoder.encode(''))).toEqual([])
  })

  it('drops a byte order mark before the first line, and keeps it in others', async () => {
    expect((await linesOf(encoder.encode('\ufeffa\n\ufeffb'))).map(({ text }) => text)).toEqual(['a', '\ufeffb'])
  })

  it('reports a line that is not UTF-8, and reads the next', async () => {
    const bytes = Uint8Array.of(0x61, 0xff, 0x0a, 0x62)
    expect(await linesOf(bytes)).toEqual([
      { number: 1, problem: 'UTF-8' },
      { number: 2, text: 'b' },
    ])
  })

  it('skips a line that is too long, in the memory of a chunk', async () => {
    async function* huge() {
      yield encoder.encode('a\n')
      for (let count = 0; count < 256; count++) yield new Uint8Array(1 << 20).fill(0x78)
      yield encoder.encode('\nb\n')
    }
    const before = process.memoryUsage().rss
    expect(await gathered(readLines(huge(), { longest: 1 << 20 }))).toEqual([
      { number: 1, text: 'a' },
      { number: 2, problem: 'at most 1048576 bytes' },
      { number: 3, text: 'b' },
    ])
    expect(process.memoryUsage().rss - before).toBeLessThan(128 << 20)
  })
})
