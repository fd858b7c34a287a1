import { describe, expect, it } from 'vitest'
import { refuseQuantizedConfig, refuseQuantizedTensors } from '../../../../../src/models/checkpoint/weights/refuseQuantized.js'

const layer = 'model.layers.0.mlp.down_proj'

describe('refuseQuantizedTensors', () => {
  it.each([
    ['GPTQ', { [`${layer}.qweight`]: 'I32', [`${layer}.qzeros`]: 'I32', [`${layer}.scales`]: 'F16', [`${layer}.g_idx`]: 'I32' }],
    ['GPTQ or AWQ', { [`${layer}.qweight`]: 'I32', [`${layer}.qzeros`]: 'I32', [`${layer}.scales`]: 'F16' }],
    [
      'bitsandbytes',
      { [`${layer}.weight`]: 'U8', [`${layer}.weight.absmax`]: 'F32', [`${layer}.weight.quant_state.bitsandbytes__nf4`]: 'U8' },
    ],
    ['bitsandbytes', { [`${layer}.weight`]: 'I8', [`${layer}.SCB`]: 'F32' }],
    [
      'compressed-tensors',
      { [`${layer}.weight_packed`]: 'I32', [`${layer}.weight_scale`]: 'BF16', [`${layer}.weight_shape`]: 'I64' },
    ],
    ['mxfp4', { 'model.layers.0.mlp.experts.down_proj_blocks': 'U8', 'model.layers.0.mlp.experts.down_proj_scales': 'U8' }],
    ['fp8', { [`${layer}.weight`]: 'F8_E4M3', [`${layer}.weight_scale_inv`]: 'F32' }],
    ['fp8', { [`${layer}.weight`]: 'F8_E5M2' }],
    ['int8', { [`${layer}.weight`]: 'I8' }],
  ])('names %s and a tensor of it', (method, dtypes) => {
    const tensors = new Map(Object.entries(dtypes).map(([name, dtype]) => [name, { dtype }]))
    const message = new RegExp(
      `F32, F16 or BF16 in m, but its tensor \`model\\..*\` .* comes from quantization \\(${method}\\); use the model before`,
    )
    expect(() => refuseQuantizedTensors(tensors, 'm')).toThrow(message)
  })

  it('lets weights be that are stored in a type that is read, and buffers of others', () => {
    const names = ['model.embed_tokens.weight', `${layer}.bias`, 'model.scale', 'lm_head.weight']
    const tensors = new Map(names.map((name) => [name, { dtype: 'BF16' }]))
    tensors.set('model.layers.0.attention.masked_bias', { dtype: 'U8' })
    expect(() => refuseQuantizedTensors(tensors, 'm')).not.toThrow()
  })
})

describe('refuseQuantizedConfig', () => {
  it.each([
    [
      { quantization_config: { quant_method: 'awq', bits: 4 } },
      /`quantization_config` in c says .* quantized \(awq\); use the model before/,
    ],
    [{ quantization_config: {} }, /`quantization_config` in c says they are quantized; use/],
    [{ compression_config: { quant_method: 'compressed-tensors' } }, /`compression_config` in c .* \(compressed-tensors\)/],
  ])('names the method of %j', (json, message) => expect(() => refuseQuantizedConfig(json, 'c')).toThrow(message))

  it('says nothing of a config without either', () =>
    expect(() => refuseQuantizedConfig({ quantization_config: null, dtype: 'float16' }, 'c')).not.toThrow())
})
