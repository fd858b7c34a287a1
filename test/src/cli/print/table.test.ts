import stringWidth from 'string-width'
import { describe, expect, it } from 'vitest'
import { table } from '../../../../src/cli/print/table.js'

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
