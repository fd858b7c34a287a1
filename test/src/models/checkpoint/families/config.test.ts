import { describe, expect, it } from 'vitest'
import { itRefuses, readerOf, sizes } from './smallModel.js'

const llama = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  ...sizes,
  intermediate_size: 96,
}
const read = readerOf(llama)
const llama3 = { factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 }

describe('a Llama config', () => {
  it("has transformers' defaults for absent fields", () => {
    expect(read()).toEqual({
      family: 'llama',
      head: 'lm',
      hiddenSize: 64,
      intermediateSize: 96,
      layers: 2,
      heads: 4,
      kvHeads: 4,
      headDim: 16,
      gatedMlp: true,
      attentionBias: false,
      mlpBias: false,
      rmsNormEps: 1e-6,
      ropeTheta: 10_000,
      ropeScaling: { type: 'none' },
      rotaryDim: 16,
      tieWordEmbeddings: false,
      vocabSize: 100,
      contextLength: 2048,
    })
  })

  it('reads every switch that the file sets', () => {
    const switches = { attention_bias: true, mlp_bias: true, tie_word_embeddings: true, rms_norm_eps: 1e-5, hidden_act: 'silu' }
    const sizes = { num_key_value_heads: 2, head_dim: 24, max_position_embeddings: 1024, rope_theta: 500_000, pretraining_tp: 1 }
    expect(read({ ...switches, ...sizes })).toMatchObject({
      attentionBias: true,
      mlpBias: true,
      tieWordEmbeddings: true,
      rmsNormEps: 1e-5,
      kvHeads: 2,
      headDim: 24,
      contextLength: 1024,
      ropeTheta: 500_000,
    })
  })

  it('reads null as absent', () => {
    const nulls = {
      num_key_value_heads: null,
      head_dim: null,
      rope_scaling: null,
      attention_bias: null,
      quantization_config: null,
    }
    expect(read(nulls)).toEqual(read())
  })

  itRefuses(read, [
    ['hidden_size', 0, /`hidden_size` in m\/config\.json to be an integer >= 1, got `0`/],
    ['hidden_size', undefined, /`hidden_size` .* got nothing/],
    ['num_hidden_layers', 1.5, /`num_hidden_layers` .* got `1\.5`/],
    ['vocab_size', '100', /`vocab_size` .* got `"100"`/],
    ['rms_norm_eps', 0, /`rms_norm_eps` .* a number > 0/],
    ['attention_bias', 'yes', /`attention_bias` .* true or false/],
    ['model_type', 'mistral', /`model_type` .*`llama`.*got `"mistral"`/],
    ['hidden_act', 'gelu', /`hidden_act` .*`silu`.*got `"gelu"`/],
    ['pretraining_tp', 2, /`pretraining_tp` .*to be 1, got `2`/],
    ['num_key_value_heads', 3, /`num_key_value_heads` .*to divide 4 attention heads, got `3`/],
    ['hidden_size', 66, /`hidden_size` .*multiple of 4 attention heads, got `66`/],
    ['head_dim', 15, /even head width .*got `15`/],
    ['partial_rotary_factor', 0.5, /`partial_rotary_factor` .*to be 1.*got `0\.5`/],
  ])
})

describe('rotary scaling', () => {
  const scaled = { type: 'llama3', factor: 8, lowFreqFactor: 1, highFreqFactor: 4, originalMaxPositionEmbeddings: 8192 }

  it('is read as transformers 4 writes it', () => {
    expect(read({ rope_theta: 7, rope_scaling: { type: 'linear', factor: 2 } })).toMatchObject({
      ropeTheta: 7,
      ropeScaling: { type: 'linear', factor: 2 },
    })
    expect(read({ rope_scaling: { rope_type: 'llama3', type: 'linear', ...llama3 } })).toMatchObject({ ropeScaling: scaled })
    expect(read({ rope_scaling: { rope_type: 'default' } })).toMatchObject({ ropeScaling: { type: 'none' } })
  })

  it('is read as transformers 5 writes it', () => {
    const config = read({ rope_parameters: { rope_type: 'llama3', rope_theta: 500_000, ...llama3 } })
    expect(config).toMatchObject({ ropeTheta: 500_000, ropeScaling: scaled })
    expect(read({ rope_parameters: { rope_theta: 5, rope_type: 'default' } })).toMatchObject({
      ropeTheta: 5,
      ropeScaling: { type: 'none' },
    })
  })

  it.each([
    [
      'another kind, with those supported',
      { rope_type: 'proportional', factor: 4 },
      /`rope_type` in .* one of default, linear, dynamic, llama3, yarn, longrope, got `proportional`/,
    ],
    ['a missing factor', { type: 'linear' }, /`factor` in rope_scaling of m\/config\.json to be a number > 0, got nothing/],
    [
      'a missing field of llama3',
      { rope_type: 'llama3', ...llama3, low_freq_factor: undefined },
      /`low_freq_factor` .* got nothing/,
    ],
    [
      'frequencies in the wrong order',
      { rope_type: 'llama3', ...llama3, low_freq_factor: 4 },
      /`high_freq_factor` .*above .*got `4`/,
    ],
    [
      'parameters by kind of layer',
      { full_attention: { rope_theta: 1 } },
      /one set of parameters for all layers .*`full_attention`/,
    ],
    ['part of each head', { rope_type: 'default', partial_rotary_factor: 0.5 }, /`partial_rotary_factor`/],
  ])('refuses %s', (_, scaling, message) => {
    expect(() => read({ rope_scaling: scaling })).toThrow(message)
  })
})

describe('architectures', () => {
  it('reads the labels of a reward model', () => {
    const labels = (fields: Record<string, unknown>) =>
      read({ architectures: ['LlamaForSequenceClassification'], ...fields }).labels
    expect(read({ architectures: ['LlamaForSequenceClassification'] })).toMatchObject({ family: 'llama', head: 'reward' })
    expect(labels({ id2label: { 0: 'LABEL_0' } })).toEqual(['LABEL_0'])
    expect(labels({ id2label: { 1: 'b', 0: 'a', 2: 'c' } })).toEqual(['a', 'b', 'c'])
    expect(labels({ num_labels: 1 })).toEqual(['LABEL_0'])
    expect(labels({})).toEqual(['LABEL_0', 'LABEL_1'])
    expect(read().labels).toBeUndefined()
  })

  it('knows a body without a head by the name of its family', () => {
    expect(read({ architectures: ['LlamaModel'] })).toMatchObject({ family: 'llama', head: 'lm', bare: true })
    expect(() => read({ architectures: ['OtherModel'] })).toThrow(/Unknown architecture `OtherModel`/)
  })

  it('lists the supported ones when it does not know one', () => {
    const supported =
      /Unknown architecture `\w+` in m\/config\.json; supported: .*\bLlamaForCausalLM, LlamaForSequenceClassification\b/
    expect(() => read({ architectures: ['MptForCausalLM'] })).toThrow(supported)
    expect(() => read({ architectures: ['constructor'] })).toThrow(supported)
    for (const none of [undefined, null, [], 'LlamaForCausalLM'])
      expect(() => read({ architectures: none })).toThrow(/`architectures` .*a list with one of .*\bLlamaForCausalLM/)
  })

  it('refuses quantized weights and says how they are quantized', () => {
    expect(() => read({ quantization_config: { quant_method: 'gptq', bits: 4 } })).toThrow(/quantized \(gptq\)/)
    expect(() => read({ quantization_config: {} })).toThrow(/quantized; use the model before/)
  })
})
