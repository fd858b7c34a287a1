import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { jsonPrefix } from '../../../../src/core/text/jsonPrefix.js'

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

describe('jsonPrefix', () => {
  it.each([
    ['', 0],
    ['{"a": [1, -2.5e+3, true], "b\\u00e9\\n": null}x', 44],
    ['[1,]', 3],
    ['[,', 1],
    ['{,', 1],
    ['{"a":1,}', 7],
    ['{"a" 1', 5],
    ['{1', 1],
    ['01', 1],
    ['-x', 1],
    ['1.e', 2],
    ['1e+-', 3],
    ['trux', 3],
    ['"\\x', 2],
    ['"\\u12g', 5],
    ['"a\nb', 2],
    ['1 2', 2],
    ['[1}', 2],
    ["'a'", 0],
    ['\u00a01', 0],
  ])('reads %j up to %i', (text, length) => expect(jsonPrefix(text)).toEqual({ length, complete: false }))

  it('accepts each prefix of a JSON text, and tells when it is complete', () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom(undefined, 1, '\t'), (json, indent) => {
        const text = ` ${JSON.stringify(JSON.parse(json), null, indent)}\n`
        for (let length = 0; length <= text.length; length++) {
          const beginning = text.slice(0, length)
          expect(jsonPrefix(beginning)).toEqual({ length, complete: isJson(beginning) })
        }
      }),
      { numRuns: 100 },
    )
  })

  it('agrees with JSON.parse about complete texts', () => {
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '"a"',
      '0',
      '-',
      '1',
      '.',
      'e',
      '+',
      'true',
      'null',
      ' ',
      '\\',
      'u00',
    )
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 9 }), (parts) => {
        const text = parts.join('')
        const { length, complete } = jsonPrefix(text)
        expect(complete).toBe(isJson(text))
        expect(length <= text.length && jsonPrefix(text.slice(0, length)).length === length).toBe(true)
      }),
      { numRuns: 5000 },
    )
  })
})
