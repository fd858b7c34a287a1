import { ModelError } from '../../../core/errors.js'
import { readValues } from '../weights/storedTensor.js'
import type { Gguf } from './readGguf.js'

/** Metadata keys after the architecture's name. */
type RopeKeys = Readonly<{
  context_length: number
  'rope.freq_base'?: number | undefined
  'rope.dimension_count'?: number | undefined
  'rope.scaling.type'?: string | undefined
  'rope.scaling.factor'?: number | undefined
  'rope.scale_linear'?: number | undefined
  'rope.scaling.original_context_length'?: number | undefined
  'rope.scaling.attn_factor'?: number | undefined
}>

/**
 * Reads the config's fields of rotary positions, and the names of the tensors that hold a part of them.
 *
 * @throws ModelError if two kinds of scaling conflict, or a part is missing
 */
export async function ggufRope(gguf: Gguf, architecture: string, fields: RopeKeys, headDim: number) {
  const { tensors, file } = gguf
  const { 'rope.dimension_count': turned = headDim, 'rope.scaling.original_context_length': original } = fields
  const read = new Set(
    ['rope_freqs.weight', 'rope_factors_long.weight', 'rope_factors_short.weight'].filter((name) => tensors.has(name)),
  )
  const factors = async (name: string) => {
    const stored = tensors.get(name)
    return stored && [...(await readValues(stored))]
  }
  const theta = { rope_theta: fields['rope.freq_base'] ?? 10_000, partial_rotary_factor: turned / headDim }
  const [freqs, long, short] = [
    await factors('rope_freqs.weight'),
    await factors('rope_factors_long.weight'),
    await factors('rope_factors_short.weight'),
  ]
  const type = fields['rope.scaling.type'] ?? (fields['rope.scale_linear'] === undefined ? 'none' : 'linear')
  const factor = fields['rope.scaling.factor'] ?? fields['rope.scale_linear']
  const attention = fields['rope.scaling.attn_factor']
  if (freqs) {
    // One factor per frequency at any length, as in Llama 3.1.
    if (type !== 'none')
      throw new ModelError(
        `Expected no \`${architecture}.rope.scaling.type\` beside \`rope_freqs.weight\` in ${file}, got ${type}`,
      )
    const same = { rope_type: 'longrope', short_factor: freqs, long_factor: freqs, attention_factor: 1 }
    return { read, ...theta, rope_scaling: { ...same, original_max_position_embeddings: fields.context_length } }
  }
  if (long && short) {
    const scaling = {
      type: 'longrope',
      long_factor: long,
      short_factor: short,
      ...(attention && { attention_factor: attention }),
    }
    return { read, ...theta, rope_scaling: scaling, original_max_position_embeddings: original ?? fields.context_length }
  }
  if (long || short || type === 'longrope')
    throw new ModelError(`Expected both \`rope_factors_long.weight\` and \`rope_factors_short.weight\` in ${file}`)
  if (type === 'none' || factor === undefined || factor === 1) return { read, ...theta }
  const grown = attention === undefined ? {} : { attention_factor: attention * (0.1 * Math.log(factor) + 1) }
  const yarn = { original_max_position_embeddings: original ?? fields.context_length, ...grown }
  return { read, ...theta, rope_scaling: { rope_type: type, factor, ...(type === 'yarn' && yarn) } }
}
