import { Tensor } from 'onnxruntime-node'
import type { CacheShape } from './cacheShape.js'
import type { Output } from './memory.js'
import type { TopRequest } from './tops.js'

/**
 * Reuses output arrays from run to run: the first touch of new memory costs more than the writes. The runtime's binding copies each of them once more.
 */
export class OutputBuffers {
  private readonly arrays = new Map<string, Float32Array>()

  constructor(private readonly shape: CacheShape) {}

  /** The session's `fetches` for a run of B rows with S places and R reads of `output`, `count` top logits of each if they are enough. */
  fetches(B: number, S: number, R: number, { name, width }: Output, { areEnough, count }: TopRequest): Record<string, Tensor> {
    const { layers, kvHeads, headDim } = this.shape
    const fetches: Record<string, Tensor> = areEnough
      ? { tops: this.tensor('tops', [R, 2 * count + 1]) }
      : { [name]: this.tensor(name, name === 'reward' ? [R, 1] : [R, 1, width]) }
    for (let layer = 0; layer < layers; layer++)
      for (const name of [`key.${layer}`, `value.${layer}`]) fetches[name] = this.tensor(name, [B, kvHeads, S, headDim])
    return fetches
  }

  private tensor(name: string, dims: readonly number[]): Tensor {
    const size = dims.reduce((product, dim) => product * dim, 1)
    const existing = this.arrays.get(name)
    const array =
      existing && existing.length >= size ? existing : new Float32Array(Math.max(size, Math.ceil(1.5 * (existing?.length ?? 0))))
    this.arrays.set(name, array)
    return new Tensor('float32', array.subarray(0, size), dims)
  }
}
