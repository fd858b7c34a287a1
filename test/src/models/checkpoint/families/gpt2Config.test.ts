import { describe, expect, it } from 'vitest'
import { readConfig } from '../../../../../src/models/checkpoint/families/config.js'
import { itRefuses, plainSizes, readerOf } from './smallModel.js'

const gpt2 = { architectures: ['GPT2LMHeadModel'], model_type: 'gpt2', n_embd: 64, n_layer: 2, n_head: 4, vocab_size: 100 }
const read = readerOf(gpt2)

describe('a GPT-2 config', () => {
  it("has transformers' defaults for absent fields", () => {
    expect(read()).toEqual({
      family: 'gpt2',
      ...plainSizes,
      intermediateSize: 256,
      scaleByHeadDim: true,
      scaleByLayer: false,
      layerNormEps: 1e-5,
      activation: 'gelu_tanh',
      tieWordEmbeddings: true,
      contextLength: 1024,
    })
    expect(read({ n_inner: null, activation_function: null, scale_attn_weights: null, n_ctx: 1024 })).toEqual(read())
  })

  it('reads every switch that the file sets', () => {
    const scaling = { scale_attn_weights: false, scale_attn_by_inverse_layer_idx: true }
    const sizes = { n_inner: 96, n_positions: 512, layer_norm_epsilon: 1e-3 }
    expect(read({ ...scaling, ...sizes, activation_function: 'relu', tie_word_embeddings: false })).toMatchObject({
      scaleByHeadDim: false,
      scaleByLayer: true,
      intermediateSize: 96,
      contextLength: 512,
      layerNormEps: 1e-3,
      activation: 'relu',
      tieWordEmbeddings: false,
    })
  })

  it('reads other names of its sizes, and prefers its own', () => {
    const { n_embd, n_layer, n_head, ...rest } = gpt2
    const others = { hidden_size: n_embd, num_hidden_layers: n_layer, num_attention_heads: n_head, max_position_embeddings: 1024 }
    expect(readConfig({ ...rest, ...others }, 'm/config.json')).toEqual(read())
    expect(read({ hidden_size: 128 })).toEqual(read())
  })

  it('ignores `reorder_and_upcast_attn`, because all scores are in fp32', () => {
    expect(read({ reorder_and_upcast_attn: true })).toEqual(read())
  })

  itRefuses(read, [
    ['n_embd', undefined, /`n_embd` in m\/config\.json to be an integer >= 1, got nothing/],
    ['n_embd', 66, /`n_embd` .*multiple of 4 attention heads, got `66`/],
    ['add_cross_attention', true, /`add_cross_attention` .*false.*got `true`/],
    ['activation_function', 'xielu', /`activation_function` .*gelu_new.*got `"xielu"`/],
    ['layer_norm_epsilon', 0, /`layer_norm_epsilon` .*a number > 0/],
    ['model_type', 'opt', /`model_type` .*`gpt2`.*got `"opt"`/],
  ])

  it.each([
    ['gelu', 'gelu'],
    ['gelu_python', 'gelu'],
    ['gelu_fast', 'gelu_tanh'],
    ['gelu_pytorch_tanh', 'gelu_tanh'],
    ['swish', 'silu'],
    ['quick_gelu', 'quick_gelu'],
  ])('knows %s as another name of %s', (name, activation) => {
    expect(read({ activation_function: name })).toMatchObject({ activation })
  })
})
