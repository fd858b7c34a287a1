import { describe, expect, it } from 'vitest'
import { ModelError } from '../../../../../src/core/errors.js'
import { pairTemplate } from '../../../../../src/models/checkpoint/tokenizer/pairTemplate.js'

const ends = { sep: ['</s>', 2], cls: ['<s>', 0] }
const bert = { type: 'BertProcessing', ...ends }
const roberta = { type: 'RobertaProcessing', ...ends, trim_offsets: true, add_prefix_space: false }
const special = (id: string, type: number) => ({ SpecialToken: { id, type_id: type } })
const text = (id: string, type: number) => ({ Sequence: { id, type_id: type } })
const template = {
  type: 'TemplateProcessing',
  single: [text('A', 0), special('</s>', 0)],
  pair: [text('A', 1), special('</s>', 1), text('B', 0)],
  special_tokens: { '</s>': { id: '</s>', ids: [2, 3], tokens: ['</s>', '</s>'] } },
}

describe('a pair template', () => {
  it.each([
    ['BERT', bert, [0, 7, 8, 2, 9, 2], [0, 0, 0, 0, 1, 1], [0, 7, 8, 2]],
    ['RoBERTa', roberta, [0, 7, 8, 2, 2, 9, 2], [0, 0, 0, 0, 0, 0, 0], [0, 7, 8, 2]],
    ['a template', template, [7, 8, 2, 3, 9], [1, 1, 1, 1, 0], [7, 8, 2, 3]],
    [
      'several processors',
      { type: 'Sequence', processors: [{ type: 'ByteLevel' }, bert] },
      [0, 7, 8, 2, 9, 2],
      [0, 0, 0, 0, 1, 1],
      [0, 7, 8, 2],
    ],
    ['none', null, [7, 8, 9], [0, 0, 1], [7, 8]],
    ['one that adds nothing', { type: 'ByteLevel' }, [7, 8, 9], [0, 0, 1], [7, 8]],
  ])('of %s is as the tokenizers library has it', (_, processor, tokenIds, typeIds, single) => {
    const framed = pairTemplate(processor, true, 'tokenizer.json')
    expect(framed([7, 8], [9])).toEqual({ tokenIds, typeIds })
    expect(framed([7, 8]).tokenIds).toEqual(single)
    expect(pairTemplate(processor, false, 'tokenizer.json')([7, 8], [9])).toEqual({ tokenIds, typeIds: tokenIds.map(() => 0) })
  })

  it('keeps the place of an empty second text', () =>
    expect(pairTemplate(roberta, true, 'tokenizer.json')([7], []).tokenIds).toEqual([0, 7, 2, 2, 2]))

  it('refuses a post-processor that lacks what its kind has', () => {
    expect(() => pairTemplate({ type: 'BertProcessing', sep: ['</s>', 2] }, true, 'm/tokenizer.json')).toThrow(ModelError)
    expect(() => pairTemplate({ type: 'BertProcessing', sep: ['</s>', 2] }, true, 'm/tokenizer.json')).toThrow(
      /`cls` in post_processor of m\/tokenizer\.json .* got nothing/,
    )
  })
})
