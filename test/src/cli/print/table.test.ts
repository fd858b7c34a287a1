import stringWidth from 'string-width'
import { describe, expect, it } from 'vitest'
import { startProgress } from '../../../../src/cli/print/progress.js'
import { table } from '../../../../src/cli/print/table.js'
import { row } from '../../io/fakeRun.js'

describe('table', () => {
  it('has one line a row, as wide as the terminal, for any text', () => {
    const rows = [
      { id: 'a', prompt: 'one\n\ntwo\u001b[31m', completion: '日本語'.repeat(40), reward: 1.23456, error: null },
      { id: 'b', prompt: null, completion: null, reward: null, error: 'too\nlong' },
      { id: 'c', prompt: 'p'.repeat(200), completion: '', reward: -12, error: null },
    ]
    const lines = table(rows, 80)
    expect(lines).toHaveLength(5)
    for (const line of lines) expect(stringWidth(line)).toBe(80)
    expect(lines[2]).toMatch(/^one two\[31m .*1\.235$/)
    expect(lines[3]).toMatch(/^\(b\) .*error: too long/)
    expect(lines[4]).toMatch(/-12\.000$/)
  })
})

describe('progress', () => {
  const drawn = (isTTY: boolean) => {
    let text = ''
    let time = 0
    const write = (more: string) => {
      text += more
    }
    const stream = { isTTY, columns: 60, write } as unknown as NodeJS.WriteStream
    const shown = startProgress({ stream, now: () => time })
    shown.expect(4)
    for (let count = 0; count < 3; count++) {
      time += 3000
      shown.token({ id: 'a', sample: 0 })
      shown.row(row('a', { reward: 0.5 }))
    }
    shown.skip()
    shown.end()
    shown.end()
    return text
  }

  it('is a line every few seconds without a terminal', () => {
    const lines = drawn(false).trimEnd().split('\n')
    expect(lines).toEqual([
      expect.stringMatching(/^1 of 4 rows, \d+ tokens\/s, mean reward 0\.500, /),
      '4 of 4 rows, 0 tokens/s, mean reward 0.500',
    ])
  })

  it('is a bar in one line on a terminal', () => {
    const text = drawn(true)
    expect(text.match(/\n/g)).toHaveLength(1)
    expect(text).toContain('\r\u001b[K██████░░░░')
    for (const draw of text.split('\r\u001b[K')) expect(draw.trimEnd().length).toBeLessThan(60)
  })
})
