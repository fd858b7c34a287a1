import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bodyOf, jsonTexts } from '../../../../src/models/remote/jsonTexts.js'

const FRAME = ['{"texts":["', '","', '"]}'] as const
const text = fc.string({ unit: 'binary', maxLength: 8 })
/** Also halves of a character, which JSON keeps as escapes. */
const part = fc.oneof(text, fc.constantFrom('\uD83D', '\uDE00', '"', '\\', '\n', '日本'))

describe('jsonTexts', () => {
  it('gives the JSON of any texts, with or without a shared part', () => {
    const call = fc.record({ prompt: part, begun: part, own: fc.array(part, { maxLength: 4 }), hasParts: fc.boolean() })
    fc.assert(
      fc.property(fc.array(call, { maxLength: 4 }), (calls) => {
        const replies = calls.flatMap(({ prompt, begun, own, hasParts }) =>
          own.map((end) => ({
            prompt,
            completion: begun + end,
            ...(hasParts && { parts: [begun, end] as const }),
            tokens: 1,
            ended: false,
          })),
        )
        const texts = replies.map(({ prompt, completion }) => prompt + completion)
        fc.pre(texts.length > 0)
        expect(JSON.parse(bodyOf(FRAME, jsonTexts(texts, replies)).toString())).toEqual({ texts })
        expect(JSON.parse(bodyOf(FRAME, jsonTexts(texts)).toString())).toEqual({ texts })
      }),
    )
  })

  it('writes what candidates share once', () => {
    const replies = ['a', 'b'].map((own) => ({
      prompt: 'p',
      completion: `c${own}`,
      parts: ['c', own] as const,
      tokens: 2,
      ended: false,
    }))
    const [first, second] = jsonTexts(['pca', 'pcb'], replies)
    expect(first!.shared.toString()).toBe('pc')
    expect(second!.shared).toBe(first!.shared)
  })
})
