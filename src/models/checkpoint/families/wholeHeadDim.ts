import { ModelError } from '../../../core/errors.js'

/**
 * Width of a head where all heads together are as wide as the model.
 *
 * @throws ModelError naming the field of the model's width, when heads do not divide it
 */
export function wholeHeadDim(field: string, hiddenSize: number, heads: number, file: string): number {
  if (hiddenSize % heads === 0) return hiddenSize / heads
  throw new ModelError(`Expected \`${field}\` in ${file} to be a multiple of ${heads} attention heads, got \`${hiddenSize}\``)
}
