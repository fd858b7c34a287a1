import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ModelError } from '../../../../../src/core/errors.js'
import { readConfig } from '../../../../../src/models/checkpoint/families/config.js'
import { readerOf, sizes } from './smallModel.js'

const small = { ...sizes, num_hidden_layers: 4, intermediate_size: 96, ffn_dim: 96, num_key_value_heads: 2, id2label: { 0: 'a' } }

/** Reads the config of a small model of an architecture, with two key heads. */
const reader = (architecture: string, type: string) => readerOf({ ...small, architectures: [architecture], model_type: type })

const mistral = reader('MistralForCausalLM', 'mistral')
const qwen2 = reader('Qwen2ForCausalLM', 'qwen2')
const qwen3 = reader('Qwen3ForCausalLM', 'qwen3')
const phi3 = reader('Phi3ForCausalLM', 'phi3')
const gemma2 = reader('Gemma2ForCausalLM', 'gemma2')
const gemma3 = reader('Gemma3ForCausalLM', 'gemma3_text')
const [local, full] = ['sliding_attention', 'full_attention']

describe('every family', () => {
  it.each([
    ['MistralForSequenceClassification', 'mistral'],
    ['Qwen2ForSequenceClassification', 'qwen2'],
    ['Qwen3ForSequenceClassification', 'qwen3'],
    ['Phi3ForSequenceClassification', 'phi3'],
    ['Gemma2ForSequenceClassification', 'gemma2'],
    ['Gemma3TextForSequenceClassification', 'gemma3_text'],
    ['GPT2ForSequenceClassification', 'gpt2'],
    ['GPTNeoXForSequenceClassification', 'gpt_neox'],
    ['OPTForSequenceClassification', 'opt'],
  ])('reads a reward model, %s', (architecture, type) => {
    expect(reader(architecture, type)()).toMatchObject({ head: 'reward', family: type.replace('_text', '') })
  })

  // Written by test/reference/make_default_configs.py.
  const defaults = JSON.parse(readFileSync(new URL('default_configs.json', import.meta.url), 'utf8')) as {
    family: string
    sizes: Record<string, unknown>
    written: Record<string, unknown>
  }[]

  it.each(defaults)('reads absent fields like the defaults of transformers: $family', ({ sizes: least, written }) => {
    expect(Object.keys(written).length).toBeGreaterThan(Object.keys(least).length + 10)
    expect(readConfig(written, 'm/config.json')).toEqual(readConfig(least, 'm/config.json'))
  })

  it.each(defaults)('refuses a number in quotes with the expectation: $family', ({ written }) => {
    const plain = readConfig(written, 'm/config.json')
    const refused: string[] = []
    const visit = (object: Record<string, unknown>, within: (part: Record<string, unknown>) => Record<string, unknown>): void => {
      for (const [key, value] of Object.entries(object)) {
        if (typeof value === 'object' && value !== null && !Array.isArray(value))
          visit(value as Record<string, unknown>, (part) => within({ ...object, [key]: part }))
        if (typeof value !== 'number') continue
        try {
          expect(readConfig(within({ ...object, [key]: String(value) }), 'm/config.json')).toEqual(plain)
        } catch (error) {
          expect(error, key).toBeInstanceOf(ModelError)
          expect((error as Error).message, key).toMatch(/^Expected `.*` in .* to be \S.*, got `"/)
          expect((error as Error).message, key).toContain(key)
          expect((error as Error).message, key).not.toContain('received')
          refused.push(key)
        }
      }
    }
    visit(written, (part) => part)
    expect(refused).toContain('vocab_size')
    expect(refused.length).toBeGreaterThan(5)
  })

  it('has the defaults that differ between families', () => {
    const absent = { num_key_value_heads: undefined }
    const wide = { ...absent, num_attention_heads: 32 }
    expect(mistral(wide)).toMatchObject({ kvHeads: 8, headDim: 2, contextLength: 131_072, rmsNormEps: 1e-6 })
    expect(qwen2(wide)).toMatchObject({ kvHeads: 32, headDim: 2, contextLength: 32_768, tieWordEmbeddings: false })
    expect(qwen3(wide)).toMatchObject({ kvHeads: 32, headDim: 128, contextLength: 32_768, attentionBias: false })
    expect(phi3(absent)).toMatchObject({ kvHeads: 4, headDim: 16, contextLength: 4096, rmsNormEps: 1e-5 })
    expect(gemma2(absent)).toMatchObject({ kvHeads: 4, headDim: 256, contextLength: 8192, tieWordEmbeddings: true })
    expect(gemma3(absent)).toMatchObject({ kvHeads: 4, headDim: 256, contextLength: 131_072, tieWordEmbeddings: true })
  })

  it.each([mistral, qwen2, qwen3, phi3])('refuses another activation', (read) => {
    expect(() => read({ hidden_act: 'gelu' })).toThrow(/`hidden_act` .*`silu`.*got `"gelu"`/)
  })

  it.each([gemma2, gemma3])('refuses another activation, and attention in both directions', (read) => {
    expect(() => read({ hidden_activation: 'gelu' })).toThrow(/`hidden_activation` .*`gelu_pytorch_tanh`.*got `"gelu"`/)
    expect(() => read({ use_bidirectional_attention: true })).toThrow(/`use_bidirectional_attention` .*false.*got `true`/)
  })
})

describe('sliding windows of Mistral', () => {
  it('are in all layers, 4,096 tokens long unless the file says otherwise', () => {
    const layers = [true, true, true, true]
    expect(mistral()).toMatchObject({ slidingWindow: { tokens: 4096, layers } })
    expect(mistral({ sliding_window: 8 })).toMatchObject({ slidingWindow: { tokens: 8, layers } })
    expect(mistral({ sliding_window: null })).not.toHaveProperty('slidingWindow')
  })

  it('are none where they are as long as the context', () => {
    expect(mistral({ max_position_embeddings: 4096 })).not.toHaveProperty('slidingWindow')
  })

  it('refuses kinds of layers, which this family does not have', () => {
    expect(() => mistral({ layer_types: [full, local, full, local] })).toThrow(/`layer_types` .*to be absent/)
  })
})

describe.each([
  ['Qwen2', qwen2],
  ['Qwen3', qwen3],
])('sliding windows of %s', (_, read) => {
  it('are in the layers from max_window_layers on where they are used', () => {
    const window = { use_sliding_window: true, sliding_window: 8 }
    expect(read({ ...window, max_window_layers: 3 })).toMatchObject({
      slidingWindow: { tokens: 8, layers: [false, false, false, true] },
    })
    expect(read(window)).not.toHaveProperty('slidingWindow')
    expect(read({ sliding_window: 8, max_window_layers: 0 })).not.toHaveProperty('slidingWindow')
    expect(read({ use_sliding_window: true, max_window_layers: 0 })).toMatchObject({ slidingWindow: { tokens: 4096 } })
  })

  it('are in the layers that layer_types names', () => {
    const layer_types = [local, full, full, local]
    expect(read({ use_sliding_window: true, sliding_window: 8, max_window_layers: 0, layer_types })).toMatchObject({
      slidingWindow: { tokens: 8, layers: [true, false, false, true] },
    })
    expect(() => read({ layer_types })).toThrow(/`use_sliding_window` .*to be true/)
    expect(() => read({ use_sliding_window: true, sliding_window: null, layer_types })).toThrow(/a `sliding_window` .*got none/)
    expect(() => read({ layer_types: [full] })).toThrow(/`layer_types` .*to name 4 layers, got 1/)
    expect(() => read({ layer_types: ['chunked_attention'] })).toThrow(/`layer_types` .*`full_attention` and `sliding_attention`/)
  })
})

describe('YaRN', () => {
  const yarn = { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 32_768 }

  it('says how long the context is', () => {
    expect(qwen2({ rope_scaling: yarn })).toMatchObject({ contextLength: 131_072 })
    expect(qwen2({ rope_scaling: { ...yarn, factor: 0.5 } })).toMatchObject({ contextLength: 32_768 })
  })

  it('has the amplitude of the paper, its own, or the ratio of two', () => {
    const amplitude = (fields: object) => (qwen2({ rope_scaling: { ...yarn, ...fields } }) as { ropeScaling: object }).ropeScaling
    expect(amplitude({})).toMatchObject({ attentionFactor: 0.1 * Math.log(4) + 1, betaFast: 32, betaSlow: 1, truncate: true })
    expect(amplitude({ attention_factor: 0.5 })).toMatchObject({ attentionFactor: 0.5 })
    const both = amplitude({ mscale: 2, mscale_all_dim: 0.5 }) as { attentionFactor: number }
    expect(both.attentionFactor).toBeCloseTo(1.1944648761087142, 12)
  })
})

describe('positions of Phi-3', () => {
  const factors = { short_factor: [1, 1, 1, 1], long_factor: [2, 3, 4, 5] }
  const longrope = { type: 'longrope', ...factors }

  it('rotate a part of each head', () => {
    expect(phi3({ partial_rotary_factor: 0.5 })).toMatchObject({ rotaryDim: 8 })
    expect(phi3({ rope_parameters: { rope_type: 'default', partial_rotary_factor: 0.75 } })).toMatchObject({ rotaryDim: 12 })
    expect(() => phi3({ partial_rotary_factor: 0.32 })).toThrow(/`partial_rotary_factor` .*an even part of 16, got `0.32`/)
  })

  it('are those of LongRoPE by any of its names, whose tokens of pretraining stand beside it', () => {
    for (const type of ['longrope', 'su', 'yarn'])
      expect(
        phi3({
          rope_scaling: { ...longrope, type },
          partial_rotary_factor: 0.5,
          original_max_position_embeddings: 4096,
          max_position_embeddings: 131_072,
        }),
      ).toMatchObject({
        ropeScaling: {
          type: 'longrope',
          shortFactor: factors.short_factor,
          longFactor: factors.long_factor,
          attentionFactor: Math.sqrt(1 + Math.log(32) / Math.log(4096)),
          originalMaxPositionEmbeddings: 4096,
        },
      })
  })

  it('refuses divisors that are not one a rotated pair, and other kinds of scaling', () => {
    expect(() => phi3({ rope_scaling: longrope })).toThrow(/`short_factor` in rope_scaling .*to have 8 numbers, got 4/)
    expect(() => phi3({ rope_scaling: { ...longrope, long_factor: [1] }, partial_rotary_factor: 0.5 })).toThrow(/`long_factor`/)
    expect(() => phi3({ rope_scaling: { type: 'linear', factor: 2 } })).toThrow(/one of default, longrope, got `linear`/)
  })
})

describe('a Gemma 2 config', () => {
  it('has soft caps and alternating local layers by default', () => {
    expect(gemma2()).toMatchObject({
      attnLogitSoftcapping: 50,
      finalLogitSoftcapping: 30,
      queryPreAttnScalar: 256,
      slidingWindow: { tokens: 4096, layers: [true, false, true, false] },
    })
    const without = gemma2({ attn_logit_softcapping: null, final_logit_softcapping: null, layer_types: [full, full, full, full] })
    for (const field of ['attnLogitSoftcapping', 'finalLogitSoftcapping', 'slidingWindow'])
      expect(without).not.toHaveProperty(field)
    expect(() => gemma2({ sliding_window: null })).toThrow(/a `sliding_window` .*local layers, got none/)
  })
})

describe('a Gemma 3 config', () => {
  it('has five local layers per full one by default', () => {
    expect(gemma3({ num_hidden_layers: 7 })).toMatchObject({ localLayers: [true, true, true, true, true, false, true] })
    expect(gemma3({ sliding_window_pattern: 2 })).toMatchObject({ localLayers: [true, false, true, false] })
    expect(gemma3({ layer_types: [full, full, local, full] })).toMatchObject({ localLayers: [false, false, true, false] })
  })

  it('has positions for each kind of layer, in the fields of transformers 4 and 5', () => {
    const expected = {
      ropeTheta: 5000,
      ropeScaling: { type: 'linear', factor: 8 },
      localRope: { ropeTheta: 30, ropeScaling: { type: 'none' }, rotaryDim: 256 },
    }
    const scaling = { rope_type: 'linear', factor: 8 }
    expect(gemma3({ rope_theta: 5000, rope_local_base_freq: 30, rope_scaling: scaling })).toMatchObject(expected)
    expect(
      gemma3({
        rope_parameters: { [full!]: { ...scaling, rope_theta: 5000 }, [local!]: { rope_type: 'default', rope_theta: 30 } },
      }),
    ).toMatchObject(expected)
    expect(gemma3()).toMatchObject({ ropeTheta: 1_000_000, localRope: { ropeTheta: 10_000 } })
  })

  it('keeps the positions of local layers if the window is as long as the context', () => {
    const config = gemma3({ max_position_embeddings: 1024 })
    expect(config).toMatchObject({ localLayers: [true, true, true, true] })
    expect(config).not.toHaveProperty('slidingWindow')
  })

  it('refuses one set of parameters for all layers, LongRoPE and a soft cap of scores', () => {
    expect(() => gemma3({ rope_parameters: { rope_theta: 1 } })).toThrow(
      /`full_attention` and `sliding_attention` only, got `rope_theta`/,
    )
    expect(() => gemma3({ rope_scaling: { rope_type: 'longrope' } })).toThrow(
      /one of default, linear, dynamic, llama3, yarn, got `longrope`/,
    )
    expect(() => gemma3({ attn_logit_softcapping: 50 })).toThrow(/`attn_logit_softcapping` .*to be null/)
  })
})
