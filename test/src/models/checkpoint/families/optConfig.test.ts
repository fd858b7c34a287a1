import { describe, expect, it } from 'vitest'
import { itRefuses, plainSizes, readerOf, sizes } from './smallModel.js'

const opt = {
  architectures: ['OPTForCausalLM'],
  model_type: 'opt',
  ...sizes,
  ffn_dim: 96,
}
const read = readerOf(opt)

describe('an OPT config', () => {
  it("has transformers' defaults for absent fields", () => {
    expect(read()).toEqual({
      family: 'opt',
      ...plainSizes,
      intermediateSize: 96,
      embeddingSize: 64,
      bias: true,
      normAffine: true,
      normBefore: true,
      finalNorm: true,
      activation: 'relu',
      tieWordEmbeddings: true,
      contextLength: 2048,
    })
    const nulls = { word_embed_proj_dim: null, activation_function: null, enable_bias: null, max_position_embeddings: null }
    expect(read(nulls)).toEqual(read())
  })

  it('reads every switch that the file sets', () => {
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

  it('has a final norm only if norms come before and the config does not remove it', () => {
    expect(read({ do_layer_norm_before: false })).toMatchObject({ normBefore: false, finalNorm: false })
    expect(read({ _remove_final_layer_norm: true })).toMatchObject({ normBefore: true, finalNorm: false })
  })

  itRefuses(read, [
    ['ffn_dim', undefined, /`ffn_dim` in m\/config\.json to be an integer >= 1, got nothing/],
    ['hidden_size', 66, /`hidden_size` .*multiple of 4 attention heads, got `66`/],
    ['word_embed_proj_dim', 0, /`word_embed_proj_dim` .*an integer >= 1/],
    ['do_layer_norm_before', 'no', /`do_layer_norm_before` .*true or false/],
    ['activation_function', 'mish', /`activation_function` .*one of relu, gelu, .*got `"mish"`/],
    ['activation_function', 'constructor', /`activation_function` .*got `"constructor"`/],
    ['model_type', 'llama', /`model_type` .*`opt`.*got `"llama"`/],
  ])
})
