import fc from 'fast-check'
import stringWidth from 'string-width'
import { describe, expect, it } from 'vitest'
import { fit, inOneLine } from '../../../../src/cli/print/fit.js'

describe('fit', () => {
  it('fills exactly the columns for any text', () =>
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), fc.integer({ min: 1, max: 30 }), (text, columns) => {
        expect(stringWidth(fit(inOneLine(text), columns))).toBe(columns)
      }),
      { numRuns: 500 },
    ))

  it.each([
    ['abcd', 4, 'abcd'],
    ['abcde', 4, 'abc…'],
    ['日本語', 4, '日… '],
    ['한글', 6, '한글  '],
    ['e\u0301e\u0301e\u0301', 2, 'e\u0301…'],
    ['👩‍👩‍👧👩‍👩‍👧', 3, '👩‍👩‍👧…'],
    ['', 2, '  '],
  ])('%j in %i columns is %j', (text, columns, line) => expect(fit(text, columns)).toBe(line))
})
