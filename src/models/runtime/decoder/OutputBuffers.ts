import { Tensor } from 'onnxruntime-node'
import type { CacheShape } from './cacheShape.js'

/** An output that is read, and the numbers that it has a position. */
export type Output = Readonly<{ name: 'logits' | 'reward' | 'hidden_states'; width: number }>

/**
 * Arrays that runs write their outputs into, one after the other: new ones each time would be touched for the first time each time,
 * which costs more than writing them. What is wanted of them is copied before the next run.
 */
export class OutputBuffers {
  private readonly arrays = new Map<string, Float32Array>()

  constructor(private readonly shape: CacheShape) {}

  /** Outputs of a run of B rows of S places and R reads of `output`, as the session takes them. */
  fetches(B: number, S: number, R: number, { name, width }: Output): Record<string, Tensor> {
    const { layers, kvHeads, headDim } = this.shape
    const fetches: Record<string, Tensor> = { [name]: this.tensor(name, name === 'reward' ? [R, 1] : [R, 1, width]) }
    for (let layer = 0; layer < layers; layer++)
      for (const name of [`key.${layer}`, `value.${layer}`]) fetches[name] = this.tensor(name, [B, kvHeads, S, headDim])
    return fetches
  }

  private tensor(name: string, dims: readonly number[]): Tensor {
    const size = dims.reduce((product, dim) => product * dim, 1)
    const known = this.arrays.get(name)
    const array = known && known.length >= size ? known : new Float32Array(Math.max(size, Math.ceil(1.5 * (known?.length ?? 0))))
    this.arrays.set(name, array)
    return new Tensor('float32', array.subarray(0, size), dims)
  }
}
