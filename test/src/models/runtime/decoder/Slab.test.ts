import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Resident } from '../../../../../src/models/runtime/decoder/kvSlab.js'
import { Slab } from '../../../../../src/models/runtime/decoder/Slab.js'

const shape = { layers: 1, kvHeads: 2, headDim: 2 }
type Named = Resident & { id: number }

/** Writes a value that only this resident has at position 0, and reads it back from wherever the row lies now. */
const mark = (slab: Slab<Named>, resident: Named) => {
  const values = new Float32Array(shape.kvHeads * shape.headDim).fill(resident.id)
  slab.write(0, resident.slot, 0, { values, row: 0, tokens: 1, from: 0 }, 1)
}
const marked = (slab: Slab<Named>, resident: Named) => slab.rows(0, resident.slot, 1)[0]

describe('Slab', () => {
  it('keeps every row with its resident through any order of adding, freeing and gathering', () => {
    const action = fc.record({ kind: fc.constantFrom('add', 'remove', 'gather', 'fit'), pick: fc.nat() })
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const slab = new Slab<Named>(shape, 256)
        let next = 1
        for (const { kind, pick } of actions) {
          const { residents } = slab
          if (kind === 'add') {
            const resident = { slot: -1, id: next++ }
            slab.add(resident)
            slab.fit(1)
            mark(slab, resident)
          } else if (kind === 'fit') slab.fit(pick % 256)
          else if (kind === 'remove' && residents.length > 0) slab.remove(pick % residents.length, pick % 2 === 0)
          else if (kind === 'gather' && residents.length > 0) {
            const batch = residents.filter((_, index) => (pick >> (index % 8)) & 1)
            const start = slab.gather(batch)
            expect(new Set(residents.slice(start, start + batch.length))).toEqual(new Set(batch))
          }
          slab.residents.forEach((resident, slot) => {
            expect(resident.slot).toBe(slot)
            expect(marked(slab, resident)).toBe(resident.id)
          })
        }
      }),
    )
  })

  it('moves nothing if a group is already together', () => {
    const slab = new Slab<Named>(shape, 64)
    const all = Array.from({ length: 6 }, (_, id) => ({ slot: -1, id }))
    for (const resident of all) slab.add(resident)
    expect(slab.gather(all.slice(3))).toBe(3)
    expect(slab.gather(all.slice(0, 3))).toBe(0)
    expect(slab.residents).toEqual(all)
  })

  it('zeroes a dirty row, so no NaN reaches the next resident', () => {
    const slab = new Slab<Named>(shape, 64)
    const [first, second] = [
      { slot: -1, id: NaN },
      { slot: -1, id: 2 },
    ]
    slab.add(second)
    slab.add(first)
    slab.fit(1)
    mark(slab, first)
    slab.remove(first.slot, true)
    slab.add({ slot: -1, id: 3 })
    expect([...slab.rows(0, 1, 1)].every((value) => value === 0)).toBe(true)
  })

  it('moves the cached positions of a row to a longer slab', () => {
    const [short, long] = [new Slab<Named>(shape, 64), new Slab<Named>(shape, 128)]
    const resident = { slot: -1, id: 7 }
    short.add(resident)
    short.fit(1)
    mark(short, resident)
    short.moveTo(long, resident, 1, false)
    expect(short.residents).toEqual([])
    expect(long.residents).toEqual([resident])
    expect([...long.rows(0, 0, 1).filter((value) => value !== 0)]).toEqual([7, 7, 7, 7])
  })

  it('is as long as its longest row, and finite wherever it grew', () => {
    const slab = new Slab<Named>(shape, 256)
    const all = Array.from({ length: 3 }, (_, id) => ({ slot: -1, id: id + 1 }))
    for (const resident of all) slab.add(resident)
    slab.fit(40)
    for (const resident of all) mark(slab, resident)
    expect(slab.length).toBe(64)
    slab.fit(65)
    expect(slab.length).toBe(128)
    slab.fit(3)
    expect(slab.length).toBe(128)
    for (const { slot, id } of all) {
      const rows = [...slab.rows(0, slot, 1)]
      expect(rows.filter((value) => value !== 0)).toEqual([id, id, id, id])
      expect(rows[128 * shape.headDim]).toBe(id)
    }
    slab.fit(256)
    expect(slab.length).toBe(256)
  })
})
