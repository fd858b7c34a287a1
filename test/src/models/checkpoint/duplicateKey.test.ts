import fc from 'fast-check'
import { expect, it } from 'vitest'
import { duplicateKey } from '../../../../src/models/checkpoint/readJson.js'

it.each([
  ['{"a":1,"a":2}', 'a'],
  ['{"a":[{"b":1},{"b":1,"b":2}]}', 'b'],
  ['{"\\u0061":1,"a":2}', 'a'],
  ['{ "a" : {"x":1} ,\n "b" : [] , "a" : null }', 'a'],
])('finds the key that %s has twice', (text, key) => expect(duplicateKey(text)).toBe(key))

it('finds none in what was written from an object, whatever its keys and texts', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(duplicateKey(JSON.stringify(value))).toBeUndefined()
    }),
  )
})
