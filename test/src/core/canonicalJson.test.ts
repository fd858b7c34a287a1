import fc from 'fast-check'
import { expect, it } from 'vitest'
import { canonicalJson } from '../../../src/core/canonicalJson.js'
import { JsonNumber, JsonObject } from '../../../src/core/text/json.js'

it('sorts keys, also those of objects that keep their order', () => {
  const text = '{"a":[{"c":1,"d":null}],"b":2}'
  expect(canonicalJson({ b: 2, a: [{ d: null, c: 1 }] })).toBe(text)
  const items = [
    new JsonObject([
      ['d', null],
      ['c', 1],
    ]),
  ]
  expect(canonicalJson({ b: 2, a: items })).toBe(text)
})

it.each([
  ['numbers written in different ways', new JsonNumber('22.0'), 22],
  ['a long integer and its text', 2n ** 64n, String(2n ** 64n)],
  ['arguments of a call', new JsonObject([['city', 'Bern']]), new JsonObject([['city', 'Basel']])],
])('differs for %s', (_, one, other) => expect(canonicalJson({ value: one })).not.toBe(canonicalJson({ value: other })))

it('is the JSON of the value with its keys sorted, whatever the value', () => {
  const sorted = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(sorted)
    if (typeof value !== 'object' || value === null) return value
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
    return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]))
  }
  const json = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 2 },
      fc.constantFrom(undefined, null, true, Number.NaN, -0, 1e21),
      fc.string({ unit: 'binary' }),
      fc.array(tie('value')),
      fc.dictionary(fc.oneof(fc.string(), fc.nat().map(String)), tie('value')),
    ),
  })).value
  fc.assert(
    fc.property(json, (value) => {
      expect(canonicalJson({ value })).toBe(JSON.stringify(sorted({ value })))
    }),
  )
})
