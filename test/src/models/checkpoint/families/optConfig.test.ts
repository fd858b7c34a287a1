import { describe, expect, it } from 'vitest'
import { readConfig } from '../../../../../src/models/checkpoint/families/config.js'

const opt = {
  architectures: ['OPTForCausalLM'],
  model_type: 'opt',
  hidden_size: 64,
  ffn_dim: 96,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  vocab_size: 100,
}
const read = (fields: Record<string, unknown> = {}) => readConfig({ ...opt, ...fields }, 'm/config.json')

describe('an OPT config', () => {
  it("has transformers' defaults for what the file leaves out", () => {
    expect(read()).toEqual({
      family: 'opt',
      head: 'lm',
      hiddenSize: 64,
      intermediateSize: 96,
      layers: 2,
      heads: 4,
      kvHeads: 4,
      headDim: 16,
      gatedMlp: false,
      embeddingSize: 64,
      bias: true,
      normAffine: true,
      normBefore: true,
      finalNorm: true,
      activation: 'relu',
      tieWordEmbeddings: true,
      vocabSize: 100,
      contextLength: 2048,
    })
    const nulls = { word_embed_proj_dim: null, activation_function: null, enable_bias: null, max_position_embeddings: null }
    expect(read(nulls)).toEqual(read())
  })

  it('takes every switch that the file sets', () => {
    const switches = { enable_bias: false, layer_norm_elementwise_affine: false, tie_word_embeddings: false }
    expect(
      read({ ...switches, activation_function: 'gelu', word_embed_proj_dim: 32, max_position_embeddings: 512 }),
    ).toMatchObject({
      bias: false,
      normAffine: false,
      tieWordEmbeddings: false,
      activation: 'gelu',
      embeddingSize: 32,
      contextLength: 512,
    })
  })

  it('has a final norm only where norms come before and it was not taken away', () => {
    expect(read({ do_layer_norm_before: false })).toMatchObject({ normBefore: false, finalNorm: false })
    expect(read({ _remove_final_layer_norm: true })).toMatchObject({ normBefore: true, finalNorm: false })
  })

  it('reads a reward model with one label', () => {
    const reward = { architectures: ['OPTForSequenceClassification'], id2label: { 0: 'LABEL_0' } }
    expect(read(reward)).toMatchObject({ family: 'opt', head: 'reward' })
  })

  it.each([
    ['ffn_dim', undefined, /`ffn_dim` in m\/config\.json to be an integer >= 1, got nothing/],
    ['hidden_size', 66, /`hidden_size` .*multiple of 4 attention heads, got `66`/],
    ['word_embed_proj_dim', 0, /`word_embed_proj_dim` .*an integer >= 1/],
    ['do_layer_norm_before', 'no', /`do_layer_norm_before` .*true or false/],
    ['activation_function', 'mish', /`activation_function` .*one of relu, gelu, .*got `"mish"`/],
    ['activation_function', 'constructor', /`activation_function` .*got `"constructor"`/],
    ['model_type', 'llama', /`model_type` .*`opt`.*got `"llama"`/],
  ])('refuses %s = %j', (field, value, message) => {
    expect(() => read({ [field]: value })).toThrow(expect.objectContaining({ name: 'ModelError' }))
    expect(() => read({ [field]: value })).toThrow(message)
  })
})
