import { describe, expect, it } from 'vitest'
import { itRefuses, plainSizes, readerOf, sizes } from './smallModel.js'

const neox = {
  architectures: ['GPTNeoXForCausalLM'],
  model_type: 'gpt_neox',
  ...sizes,
  intermediate_size: 96,
}
const read = readerOf(neox)

describe('a GPT-NeoX config', () => {
  it("has transformers' defaults for absent fields", () => {
    expect(read()).toEqual({
      family: 'gpt_neox',
      ...plainSizes,
      intermediateSize: 96,
      ropeTheta: 10_000,
      ropeScaling: { type: 'none' },
      rotaryDim: 4,
      attentionBias: true,
      parallelResidual: true,
      layerNormEps: 1e-5,
      activation: 'gelu',
      tieWordEmbeddings: false,
      contextLength: 2048,
    })
    expect(read({ rotary_pct: null, hidden_act: null, rope_scaling: null, attention_bias: null })).toEqual(read())
  })

  it('reads every switch that the file sets', () => {
    const switches = { use_parallel_residual: false, attention_bias: false, tie_word_embeddings: true }
    expect(read({ ...switches, hidden_act: 'gelu_fast', layer_norm_eps: 1e-3, max_position_embeddings: 512 })).toMatchObject({
      parallelResidual: false,
      attentionBias: false,
      tieWordEmbeddings: true,
      activation: 'gelu_tanh',
      layerNormEps: 1e-3,
      contextLength: 512,
    })
  })

  it('reads rotary base and part in the fields of transformers 4 and 5, and prefers those of 5', () => {
    expect(read({ rotary_emb_base: 500, rotary_pct: 1 })).toMatchObject({ ropeTheta: 500, rotaryDim: 16 })
    const parameters = { rope_type: 'default', rope_theta: 7, partial_rotary_factor: 0.5 }
    expect(read({ rope_parameters: parameters, rotary_emb_base: 500, rotary_pct: 1 })).toMatchObject({
      ropeTheta: 7,
      rotaryDim: 8,
    })
    expect(read({ rope_scaling: { type: 'linear', factor: 2 }, rotary_emb_base: 500 })).toMatchObject({
      ropeTheta: 500,
      ropeScaling: { type: 'linear', factor: 2 },
      rotaryDim: 4,
    })
  })

  itRefuses(read, [
    ['intermediate_size', undefined, /`intermediate_size` in m\/config\.json to be an integer >= 1, got nothing/],
    ['hidden_size', 66, /`hidden_size` .*multiple of 4 attention heads, got `66`/],
    ['rotary_pct', 0, /`rotary_pct` .*above 0, at most 1, got `0`/],
    ['rotary_pct', 1.5, /`rotary_pct` .*above 0, at most 1, got `1\.5`/],
    ['rotary_pct', 0.2, /even part of 16, got `0\.2`/],
    ['use_parallel_residual', 1, /`use_parallel_residual` .*true or false/],
    ['hidden_act', 'laplace', /`hidden_act` .*one of relu, gelu.*got `"laplace"`/],
    ['rope_scaling', { type: 'other' }, /`rope_type` .*got `other`/],
    ['model_type', 'gpt2', /`model_type` .*`gpt_neox`.*got `"gpt2"`/],
  ])
})
