import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { textSet } from '../../../../src/core/text/textSet.js'

describe('textSet', () => {
  const texts = fc.array(
    fc.oneof(fc.string(), fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) })),
  )

  it.each<readonly [string, ((text: string) => number) | undefined]>([
    ['', undefined],
    ['where all texts have one hash', () => 7],
  ])('holds what a Set holds %s', (_, hashOf) => {
    fc.assert(
      fc.property(texts, texts, (added, others) => {
        const [own, known] = [textSet(hashOf), new Set<string>()]
        for (const text of added) {
          expect(own.add(text)).toBe(!known.has(text))
          known.add(text)
        }
        for (const text of [...added, ...others]) expect(own.has(text)).toBe(known.has(text))
      }),
    )
  })

  it('holds many texts, and those that are longer than a page', () => {
    const set = textSet()
    const long = ['a', 'é', '☃'].map((character) => character.repeat(3_000_000))
    for (const text of long) expect(set.add(text)).toBe(true)
    for (let number = 0; number < 200_000; number++) set.add(`row-${number}`)
    for (let number = 0; number < 200_000; number++) if (!set.has(`row-${number}`)) expect.fail(`row-${number} is missing`)
    for (const text of long) expect(set.add(text)).toBe(false)
    expect(set.has('row-200000')).toBe(false)
  })
})
