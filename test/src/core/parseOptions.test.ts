import { describe, expect, it } from 'vitest'
import { topK } from '../../../operators/topK.js'
import { args } from '../../../pipelines/decoders/args.js'
import { describeValue } from '../../../src/core/parseOptions.js'

const circular: Record<string, unknown> = {}
circular.self = circular

describe('a value in a message', () => {
  it.each([
    [undefined, 'nothing'],
    [null, '`null` (null)'],
    ['x', '`x` (string)'],
    [0, '`0` (number)'],
    [Number.NaN, '`NaN` (number)'],
    [Number.NEGATIVE_INFINITY, '`-Infinity` (number)'],
    [5n, '`5` (bigint)'],
    [[1, 'a'], '`[1,"a"]` (array)'],
    [{ a: 1 }, '`{"a":1}` (object)'],
    [circular, '`[object Object]` (object)'],
    [{ n: 5n }, '`[object Object]` (object)'],
  ])('has its text and its type: %s', (value, text) => {
    expect(describeValue(value)).toBe(text)
  })

  it('is cut if it is long', () => {
    expect(describeValue('x'.repeat(1000))).toBe(`\`${'x'.repeat(300)}…\` (string)`)
  })

  it('is a number that JSON does not have', () => {
    expect(() => args({ weight: Number.NaN })).toThrow('got `NaN` (number)')
    expect(() => topK({ k: 5n as unknown as number })).toThrow('Expected `k` to be an integer >= 1, got `5` (bigint)')
  })
})
