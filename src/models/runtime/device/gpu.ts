import { InferenceSession, Tensor } from 'onnxruntime-node'
import { type GraphBuilder, graphBuilder } from '../../graph/builder.js'
import { WEBGPU } from './webgpu.js'

/** Buffers on the GPU, and the small graphs that fill and copy them. */
export type Gpu = Readonly<{
  /** A matrix of zeros, float [rows, width], to be viewed as any type. */
  zeros(rows: number, width: number): Promise<Tensor>
  /** Uploads int32 [length]. */
  ints(values: Int32Array): Promise<Tensor>
  /** Copies pages of a matrix onto pages of another matrix or the same, bit by bit; `words`: words of 32 bits per page. */
  copyPages(from: Tensor, to: Tensor, words: number, source: readonly number[], target: readonly number[]): Promise<void>
  close(): Promise<void>
}>

export async function openGpu(): Promise<Gpu> {
  const filling = await small(fill, 'gpu-buffer')
  const keeping = await small(keep, 'gpu-buffer')
  const copying = await small(copy)
  return {
    zeros: async (rows, width) => (await filling.run({ shape: int64([rows, width]) })).zeros!,
    ints: async (values) => (await keeping.run({ values: new Tensor('int32', values, [values.length]) })).kept!,
    async copyPages(from, to, words, source, target) {
      const pagesOf = (tensor: Tensor) => view(tensor, 'int32', [tensor.size / words, words])
      const at = { source: int64(source), target: int64(target, [target.length, 1]) }
      await copying.run({ from: pagesOf(from), to: pagesOf(to), ...at }, { copied: pagesOf(to) })
    },
    async close() {
      for (const session of [filling, keeping, copying]) await session.release()
    },
  }
}

export const int64 = (values: readonly number[], dims: readonly number[] = [values.length]): Tensor =>
  new Tensor('int64', BigInt64Array.from(values, BigInt), dims)

type GpuType = 'float32' | 'int32' | 'int64'

/** Views a buffer, or its beginning, as a tensor of another type and shape. */
export const view = (tensor: Tensor, dataType: GpuType, dims: readonly number[]): Tensor =>
  Tensor.fromGpuBuffer(tensor.gpuBuffer, { dataType, dims })

/** A small graph. With a `location` each run makes new outputs; without one outputs go to the host, or to a buffer of the caller. */
async function small(write: (graph: GraphBuilder) => void, location?: 'gpu-buffer'): Promise<InferenceSession> {
  const graph = graphBuilder('small', 'webgpu')
  write(graph)
  return InferenceSession.create(graph.model(), { ...WEBGPU, ...(location && { preferredOutputLocation: location }) })
}

function fill(graph: GraphBuilder): void {
  const zero = graph.constant('zero', Float32Array.of(0), [])
  graph.output('zeros', graph.node('Expand', [zero, graph.input('shape', 'int64', [2])]), 'float', ['rows', 'width'])
}

function keep(graph: GraphBuilder): void {
  graph.output('kept', graph.node('Identity', [graph.input('values', 'int32', ['length'])]), 'int32', ['length'])
}

function copy(graph: GraphBuilder): void {
  const from = graph.input('from', 'int32', ['pages', 'words'])
  const to = graph.input('to', 'int32', ['others', 'words'])
  const taken = graph.node('Gather', [from, graph.input('source', 'int64', ['count'])])
  graph.output('copied', graph.node('ScatterND', [to, graph.input('target', 'int64', ['count', 1]), taken]), 'int32', [
    'others',
    'words',
  ])
}
