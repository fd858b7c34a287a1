import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hashPrompt } from '../../../pipelines/run/hashPrompt.js'
import { JsonNumber, JsonObject } from '../../../src/core/text/json.js'
import { fromExactJson, toExactJson } from '../../../src/queue/exactValue.js'
import { packPrompts, unpackPrompts } from '../../../src/queue/queueJob.js'

const leaf = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.bigInt(),
  fc.date(),
  fc.uint8Array(),
  fc.constantFrom('1.0', '-0', '1e3', '1488576245112852481').map((text) => new JsonNumber(text)),
)
const key = fc.oneof(fc.string(), fc.constantFrom('$', '1', '2', 'value'))
const { value } = fc.letrec((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, leaf, tie('list'), tie('plain'), tie('ordered')),
  list: fc.array(tie('value')),
  plain: fc.dictionary(key, tie('value')),
  ordered: fc.array(fc.tuple(key, tie('value'))).map((entries) => new JsonObject(entries as [string, never][])),
}))

const throughText = (exact: unknown): unknown => fromExactJson(JSON.parse(JSON.stringify(toExactJson(exact))))

describe('toExactJson', () => {
  it('keeps every value', () =>
    fc.assert(
      fc.property(value, (exact) => {
        expect(throughText(exact)).toEqual(exact)
      }),
    ))

  it('drops undefined fields', () => expect(throughText({ a: undefined, b: 1 })).toEqual({ b: 1 }))
})

describe('packPrompts', () => {
  it('keeps the hash of a prompt', () =>
    fc.assert(
      fc.property(fc.dictionary(key, value), fc.string({ minLength: 1 }), (input, text) => {
        const prompt = { id: 'a', content: { text }, input, stop: [text], overrides: { k: 3, weight: 1.5 } }
        const [read] = unpackPrompts(packPrompts([{ prompt, promptHash: hashPrompt(prompt), samples: [0, 2] }]))
        expect(read).toMatchObject({ promptHash: hashPrompt(prompt), samples: [0, 2] })
        expect(hashPrompt(read!.prompt)).toBe(hashPrompt(prompt))
      }),
    ))
})
