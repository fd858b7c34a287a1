import fc from 'fast-check'
import { expect, it } from 'vitest'
import { duplicateKey } from '../../../../src/core/text/duplicateKey.js'

it.each([
  ['{"a":1,"a":2}', 'a'],
  ['{"a":[{"b":1},{"b":1,"b":2}]}', 'b'],
  ['{"\\u0061":1,"a":2}', 'a'],
  ['{ "a" : {"x":1} ,\n "b" : [] , "a" : null }', 'a'],
])('finds the key that %s has twice', (text, key) => expect(duplicateKey(text)).toBe(key))

it('finds none in serialised objects with any keys and texts', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(duplicateKey(JSON.stringify(value))).toBeUndefined()
    }),
  )
})

it('reads strings of megabytes, and ignores key-like text within strings', () => {
  const long = JSON.stringify({ a: 'x\\"'.repeat(2_000_000), b: '{"a":1,"a":2}' })
  expect(duplicateKey(long)).toBeUndefined()
  expect(duplicateKey(`${long.slice(0, -1)},"a":1}`)).toBe('a')
})
