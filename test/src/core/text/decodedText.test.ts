import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import type { TextCodec } from '../../../../src/core/model.js'
import { decodedText, textAfter, textsOfNext, tokenText, wholeText, withToken } from '../../../../src/core/text/decodedText.js'
import { loadCodec } from '../../../../src/models/checkpoint/tokenizer/loadCodec.js'

const tokenizers = join(import.meta.dirname, '../../models/checkpoint/tokenizer/tokenizers')
const prompts = [
  '',
  '\n\nHuman: Hi\n\nAssistant:',
  'wait 👩‍👩‍👧',
  '日本',
  '<|begin|>',
  'x<|end|><|end|><|end|><|end|><|end|>',
  '  ',
]
const replies = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
  fc.constant(' 日本語 🇨🇭👍🏽 e\u0301 \r\n'),
)

/** The certain text at each step. */
const certain = (codec: TextCodec, before: readonly number[], tokenIds: readonly number[]): string[] => {
  let decoded = decodedText(codec, before)
  const texts: string[] = []
  for (const [at, id] of tokenIds.entries()) {
    const next = [id, tokenIds[at + 1] ?? 0, codec.vocabSize - 1]
    const { text } = decoded
    const whole = next.map((one) => wholeText(codec, withToken(codec, decoded, one)))
    expect(textsOfNext(codec, decoded, next).map((own) => text + own)).toEqual(whole)
    decoded = withToken(codec, decoded, id)
    texts.push(decoded.text)
  }
  expect(wholeText(codec, decoded)).toBe(textAfter(codec, before, tokenIds))
  return texts
}

describe.each(readdirSync(tokenizers))('text of the tokenizer %s, token by token', (name) => {
  let codec: TextCodec
  beforeAll(async () => {
    codec = await loadCodec(join(tokenizers, name))
  })
  const holds = (ids: fc.Arbitrary<number[]>) =>
    fc.assert(
      fc.property(fc.constantFrom(...prompts), ids, (prompt, tokenIds) => {
        const before = codec.encode(prompt, true)
        const all = codec.decode([...before, ...tokenIds], true).slice(codec.decode(before, true).length)
        // A reply may begin in the middle of the prompt's run of byte tokens. Then that run has no text.
        const runsOn = codec.byteTokenIds?.has(before.at(-1)!) && codec.byteTokenIds.has(tokenIds[0]!)
        const whole = textAfter(codec, before, tokenIds)
        if (!runsOn) expect(whole).toBe(all)
        const texts = certain(codec, before, tokenIds)
        for (const [step, text] of texts.entries()) {
          const earlier = texts[step - 1] ?? ''
          expect(whole.startsWith(text) && text.startsWith(earlier)).toBe(true)
          expect(text.slice(earlier.length)).not.toMatch(/\uFFFD$/u)
        }
      }),
      { numRuns: 60 },
    )

  it('is the whole text in whole characters for random tokens', () =>
    holds(fc.array(fc.nat({ max: codec.vocabSize - 1 }), { maxLength: 24 })))

  it('is the whole text for the tokens of any text', () => holds(replies.map((text) => codec.encode(text, false))))

  it('is the whole text for byte tokens and parts of characters', () =>
    holds(
      fc.array(fc.constantFrom(...codec.encode('👩‍👧日e\u0301', false), ...codec.encode('a<|end|> ', false)), { maxLength: 24 }),
    ))

  it('has every character of ordinary text as soon as it is complete', () => {
    const ids = codec.encode('They are all open.', false)
    expect(certain(codec, [], ids).at(-1)).toBe(codec.decode(ids, true))
  })

  it('is the text of each token in its context, in ordinary text', () => {
    const ids = codec.encode('They are all open.', false)
    const texts = ids.map((id, index) => tokenText(codec, ids.slice(0, index), id))
    expect(texts.join('')).toBe(codec.decode(ids, true))
  })
})

describe('tokenText', () => {
  it('names a special token', async () => {
    const codec = await loadCodec(join(tokenizers, 'bytes'))
    const [end] = codec.encode('<|end|>', false)
    expect(codec.decode([end!], true)).toBe('')
    expect(tokenText(codec, codec.encode('a', false), end!)).toBe('<|end|>')
  })
})
