import { ModelError } from '../../../core/errors.js'

/** Tensor names and element types that only quantized checkpoints have, and the method that writes them. The first match counts. */
const SIGNS: readonly Readonly<{ method: string; name?: RegExp; dtype?: RegExp }>[] = [
  { method: 'GPTQ', name: /\.g_idx$/ },
  { method: 'GPTQ or AWQ', name: /\.(qweight|qzeros|scales)$/ },
  { method: 'bitsandbytes', name: /\.(SCB|absmax|quant_map|nested_absmax)$|\.quant_state\./ },
  { method: 'compressed-tensors', name: /\.(weight_packed|weight_zero_point|weight_shape)$/ },
  { method: 'mxfp4', name: /_proj_blocks$/ },
  { method: 'fp8', name: /\.weight_scale(_inv)?$/ },
  { method: 'fp8', dtype: /^F8_/ },
  { method: 'int8', name: /\.weight$/, dtype: /^I8$/ },
]

const USE = 'use the model before quantization'

/** @throws ModelError when config.json says that the weights are quantized */
export function refuseQuantizedConfig(json: Readonly<Record<string, unknown>>, file: string): void {
  const field = ['quantization_config', 'compression_config'].find((name) => json[name] != null)
  if (field === undefined) return
  const method = (json[field] as Record<string, unknown>).quant_method
  const by = typeof method === 'string' ? ` (${method})` : ''
  throw new ModelError(`Expected weights in F32, F16 or BF16, but \`${field}\` in ${file} says they are quantized${by}; ${USE}`)
}

/**
 * Refuses a quantized checkpoint by its tensors, for configs that do not mention quantization.
 *
 * @throws ModelError with the tensor and the method
 */
export function refuseQuantizedTensors(tensors: ReadonlyMap<string, Readonly<{ dtype: string }>>, where: string): void {
  const all = [...tensors]
  for (const { method, name = /./, dtype = /./ } of SIGNS) {
    const sign = all.find(([tensor, entry]) => name.test(tensor) && dtype.test(entry.dtype))
    if (sign)
      throw new ModelError(
        `Expected weights in F32, F16 or BF16 in ${where}, but its tensor \`${sign[0]}\` (${sign[1].dtype}) comes from quantization (${method}); ${USE}`,
      )
  }
}
