import { type InferenceSession, Tensor } from 'onnxruntime-node'
import type { Gpu } from '../src/models/runtime/device/gpu.js'

const numbers = { float32: Float32Array, int32: Int32Array, int64: BigInt64Array }
type Type = keyof typeof numbers

/** A buffer "on the GPU" is an array; other views of it are the same array. */
const buffer = (values: Float32Array | Int32Array, dims: readonly number[], dataType = 'float32'): Tensor =>
  Tensor.fromGpuBuffer(values as never, { dataType, dims, dispose: () => undefined } as never)

/** The whole array of a buffer. */
export const arrayOf = (tensor: Tensor): Float32Array => tensor.gpuBuffer as unknown as Float32Array

/** The numbers that a tensor shows of its buffer. */
function shown(tensor: Tensor) {
  const { buffer, byteOffset } = arrayOf(tensor)
  return new numbers[tensor.type as Type](buffer as ArrayBuffer, byteOffset, tensor.size)
}

/** What the graphs of gpu.ts do, on arrays. */
export const arrayGpu: Gpu = {
  zeros: async (rows, width) => buffer(new Float32Array(rows * width), [rows, width]),
  ints: async (values) => buffer(values, [values.length], 'int32'),
  async copyPages(from, to, width, source, target) {
    const taken = source.map((page) => arrayOf(from).slice(page * width, (page + 1) * width))
    for (const [i, page] of target.entries()) arrayOf(to).set(taken[i]!, page * width)
  },
  close: async () => undefined,
}

/** Runs a graph for a GPU on the CPU, with buffers that are arrays. Outputs that are bound to a buffer are written into it. */
export const onArrays = (session: InferenceSession): Pick<InferenceSession, 'run'> => ({
  run: (async (feeds: Record<string, Tensor>, fetches: Record<string, Tensor | null>) => {
    const given = Object.entries(feeds).map(([name, tensor]) => {
      if (tensor.location === 'cpu') return [name, tensor] as const
      return [name, new Tensor(tensor.type as 'float32', shown(tensor) as Float32Array, tensor.dims)] as const
    })
    const outputs = await session.run(Object.fromEntries(given), Object.keys(fetches))
    for (const [name, tensor] of Object.entries(fetches))
      if (tensor) (shown(tensor) as Float32Array).set(outputs[name]!.data as Float32Array)
    return outputs
  }) as InferenceSession['run'],
})
