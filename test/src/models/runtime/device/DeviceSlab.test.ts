import { describe, expect, it } from 'vitest'
import { DeviceSlab, mostPositions } from '../../../../../src/models/runtime/device/DeviceSlab.js'

describe('mostPositions', () => {
  it.each([
    ['a short sequence and one for padding', 1, 1, 2 * 256],
    ['a power of two of them', 5, 64, 9 * 256],
    ['slots of the classes that sequences have grown out of', 16, 1000, 17 * (256 + 512 + 1024 + 2048)],
  ])('counts %s', (_, sequences, tokens, positions) => expect(mostPositions(sequences, tokens)).toBe(positions))

  it.each([1, 3, 8, 9])('counts what a slab with %i sequences has', (sequences) => {
    const slab = new DeviceSlab({ layers: 1, kvHeads: 1, headDim: 4 }, 256, () => undefined)
    for (let slot = 0; slot < sequences; slot++) slab.add({ slot: 0 })
    expect((slab.spare + 1) * slab.longest).toBe(mostPositions(sequences, 1))
  })
})
