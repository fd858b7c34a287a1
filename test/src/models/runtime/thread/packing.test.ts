import fc from 'fast-check'
import { expect, it } from 'vitest'
import { packCalls, packResults, unpackCalls, unpackResults } from '../../../../../src/models/runtime/thread/packing.js'

const count = fc.nat(2 ** 31 - 1)
const ids = fc.array(count, { maxLength: 20 })

it('keeps every call unchanged, absent fields included', () => {
  const call = fc.record(
    {
      ...{ key: count, tokenIds: ids.map((list) => Int32Array.from(list)), branches: fc.array(ids), decode: fc.boolean() },
      ...{
        top: count,
        expected: count,
        from: count,
        states: count,
        pick: ids,
        typeIds: ids.map((list) => Int32Array.from(list)),
      },
    },
    { requiredKeys: ['key', 'tokenIds', 'branches', 'decode'] },
  )
  fc.assert(
    fc.property(fc.array(call), (calls) => {
      expect(unpackCalls(packCalls(calls, (key) => key))).toEqual(calls)
    }),
  )
})

it('keeps every result unchanged: values with or without token ids, any bits', () => {
  const value = fc.float({ noNaN: false })
  const dense = fc.array(value).map((values) => ({ values: Float32Array.from(values) }))
  const sparse = fc.array(fc.tuple(count, value)).map((pairs) => ({
    tokenIds: Int32Array.from(pairs, ([id]) => id),
    values: Float32Array.from(pairs, ([, number]) => number),
  }))
  fc.assert(
    fc.property(fc.array(fc.oneof(dense, sparse)), (results) => {
      expect(unpackResults(packResults(results))).toEqual(results)
    }),
  )
})
