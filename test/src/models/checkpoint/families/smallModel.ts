import { expect, it } from 'vitest'
import { readConfig } from '../../../../../src/models/checkpoint/families/config.js'

type Fields = Readonly<Record<string, unknown>>

/** Sizes of a small model in config.json. */
export const sizes = { hidden_size: 64, num_hidden_layers: 2, num_attention_heads: 4, vocab_size: 100 }

/** The same sizes of a GPT-2, GPT-NeoX or OPT language model as its reader returns them. */
export const plainSizes = {
  ...{ head: 'lm', hiddenSize: 64, layers: 2, heads: 4, kvHeads: 4, headDim: 16 },
  ...{ gatedMlp: false, vocabSize: 100 },
}

/** Reads the config of a small model, with some fields replaced. */
export const readerOf =
  (small: Fields) =>
  (fields: Fields = {}) =>
    readConfig({ ...small, ...fields }, 'm/config.json')

/** Tests that a reader refuses each value of a field by a message. */
export const itRefuses = (read: (fields: Fields) => unknown, rows: readonly (readonly [string, unknown, RegExp])[]): void =>
  it.each(rows)('refuses %s = %j', (field, value, message) => {
    expect(() => read({ [field]: value })).toThrow(expect.objectContaining({ name: 'ModelError' }))
    expect(() => read({ [field]: value })).toThrow(message)
  })
