import { expect, it } from 'vitest'
import { readGenerationConfig } from '../../../../src/models/checkpoint/generationConfig.js'

const noticesOf = (json: Record<string, unknown>) =>
  readGenerationConfig({ json: {}, file: 'c' }, { json, file: 'g.json' }, 10).notices

it.each([
  [{ suppress_tokens: [1] }, '`suppress_tokens`'],
  [{ begin_suppress_tokens: [1], bad_words_ids: [[2]] }, '`begin_suppress_tokens`, `bad_words_ids`'],
  [{ repetition_penalty: 1.1 }, '`repetition_penalty`'],
  [{ no_repeat_ngram_size: 3, min_new_tokens: 2 }, '`no_repeat_ngram_size`, `min_new_tokens`'],
  [{ forced_bos_token_id: 0 }, '`forced_bos_token_id`'],
  [{ forced_eos_token_id: 1, sequence_bias: [[[1], 2]] }, '`forced_eos_token_id`, `sequence_bias`'],
  [{ do_sample: true, temperature: 0.6, top_p: 0.9, top_k: 50 }, '`do_sample`, `temperature`, `top_p`, `top_k`'],
])('names what of %j would change a decode, in one notice', (json, names) => {
  expect(noticesOf(json)).toHaveLength(1)
  expect(noticesOf(json)[0]).toContain('Settings of g.json that are not applied, because the decoder')
  expect(noticesOf(json)[0]!.match(/`\w+`/g)).toEqual(expect.arrayContaining(names.split(', ')))
})

it.each([
  {},
  { do_sample: false, temperature: 0.6, top_p: 0.9 },
  { repetition_penalty: 1, no_repeat_ngram_size: 0, suppress_tokens: [], bad_words_ids: null },
  { eos_token_id: 1, pad_token_id: 2, transformers_version: '5' },
])('says nothing of %j, which changes none', (json) => expect(noticesOf(json)).toEqual([]))
