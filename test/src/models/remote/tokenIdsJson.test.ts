import { describe, expect, it } from 'vitest'
import { tokenIdsJson } from '../../../../src/models/remote/tokenIdsJson.js'
import { sequenceOf } from '../../../fakes.js'

describe('tokenIdsJson', () => {
  const promptTokenIds = [5, 67, 890]

  it('writes a growing sequence as if it wrote all ids each time, and changes no bytes that it returned', () => {
    const idsOf = tokenIdsJson()
    const key = {}
    const lengths = [0, 1, 1, 2, 5, 40, 41, 400]
    const written = lengths.map((length) => {
      const tokenIds = Array.from({ length }, (_, index) => 31 * index)
      return { bytes: idsOf(sequenceOf('', '', { key, promptTokenIds, tokenIds })), ids: [...promptTokenIds, ...tokenIds] }
    })
    for (const { bytes, ids } of written) expect(JSON.parse(`[${bytes}]`)).toEqual(ids)
  })

  it.each<[string, number[], number[]]>([
    ['goes back', promptTokenIds, [1]],
    ['takes another way', promptTokenIds, [1, 9, 3]],
    ['has another prompt', [4], [1, 2, 3]],
  ])('begins again for a sequence that %s', (_, prompt, tokenIds) => {
    const idsOf = tokenIdsJson()
    const key = {}
    const first = idsOf(sequenceOf('', '', { key, promptTokenIds, tokenIds: [1, 2, 3] }))
    expect(`${idsOf(sequenceOf('', '', { key, promptTokenIds: prompt, tokenIds }))}`).toBe([...prompt, ...tokenIds].join())
    expect(`${first}`).toBe('5,67,890,1,2,3')
  })

  it('writes nothing for a sequence without tokens, and then its first', () => {
    const idsOf = tokenIdsJson()
    const key = {}
    const none: number[] = []
    expect(`${idsOf(sequenceOf('', '', { key, promptTokenIds: none, tokenIds: [] }))}`).toBe('')
    expect(`${idsOf(sequenceOf('', '', { key, promptTokenIds: none, tokenIds: [7] }))}`).toBe('7')
  })
})
