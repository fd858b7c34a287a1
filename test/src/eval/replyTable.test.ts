import { describe, expect, it } from 'vitest'
import { replyTable } from '../../../src/eval/replyTable.js'

describe('replyTable', () => {
  it('finds each of many replies by id and sample, and no other', () => {
    const table = replyTable(2)
    const count = 20_000
    for (let row = 0; row < count; row++)
      expect(table.add(`id ${row >> 1}`, row % 2, { values: Float64Array.of(row, Number.NaN), tokens: row + 1 })).toBe(true)
    expect(table.size).toBe(count)
    for (let row = 0; row < count; row++) {
      const { values, tokens } = table.get(`id ${row >> 1}`, row % 2)!
      expect([...values, tokens]).toEqual([row, Number.NaN, row + 1])
    }
    expect(table.get('id 1', 2)).toBeUndefined()
    expect(table.get('other', 0)).toBeUndefined()
  })

  it('reports a duplicate key, and a second pairing in a round', () => {
    const table = replyTable(1)
    const reply = { values: Float64Array.of(1), tokens: 1 }
    expect([table.add('a', 0, reply), table.add('a', 0, reply), table.add('a', 1, reply)]).toEqual([true, false, true])
    const { place } = table.get('a', 0)!
    expect([table.mark(place, 1), table.mark(place, 1), table.mark(place, 2)]).toEqual([true, false, true])
  })
})
