import { Tensor } from 'onnxruntime-node'
import type { Plane } from '../../onnx/onnxContract.js'

/** Keys or values of one sequence in one layer, [heads, T, headDim]; half-precision numbers as their 16 bits. */
export type PlaneValues = Float32Array | Uint16Array

/** An exported graph's cache of a sequence: its tokens and the planes of the graph's contract. */
export type OnnxCache = Readonly<{ tokenIds: readonly number[]; planes: readonly PlaneValues[] }>

const emptyValues = ({ type }: Plane): PlaneValues => (type === 'float16' ? new Uint16Array(0) : new Float32Array(0))

export const emptyCache = (planes: readonly Plane[]): OnnxCache => ({ tokenIds: [], planes: planes.map(emptyValues) })

/** Data of an output. Newer versions of Node have half-precision arrays. */
export const numbersOf = ({ data }: Tensor): PlaneValues => {
  if (data instanceof Float32Array || data instanceof Uint16Array) return data
  const { buffer, byteOffset, length } = data as unknown as Uint16Array
  return new Uint16Array(buffer, byteOffset, length)
}

/** Joins one plane of several caches of T positions into an input: [B, heads, T, headDim]. */
export function pastTensor(caches: readonly OnnxCache[], index: number, { heads, headDim, type }: Plane): Tensor {
  const dims = [caches.length, heads, caches[0]!.tokenIds.length, headDim]
  const first = caches[0]!.planes[index]!
  if (caches.length === 1) return new Tensor(type, first, dims)
  const joined =
    first instanceof Float32Array ? new Float32Array(first.length * caches.length) : new Uint16Array(first.length * caches.length)
  for (const [row, { planes }] of caches.entries()) joined.set(planes[index]!, row * first.length)
  return new Tensor(type, joined, dims)
}

/** The first `length` positions of a cache. */
export function cutCache({ tokenIds, planes }: OnnxCache, length: number, shapes: readonly Plane[]): OnnxCache {
  const cut = planes.map((values, index) => {
    const { heads, headDim } = shapes[index]!
    const [from, to] = [tokenIds.length * headDim, length * headDim]
    const kept = values instanceof Float32Array ? new Float32Array(heads * to) : new Uint16Array(heads * to)
    for (let head = 0; head < heads; head++) kept.set(values.subarray(head * from, head * from + to), head * to)
    return kept
  })
  return { tokenIds: tokenIds.slice(0, length), planes: cut }
}
