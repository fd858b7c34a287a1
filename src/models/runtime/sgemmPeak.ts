import { InferenceSession, Tensor } from 'onnxruntime-node'
import { graphBuilder } from '../graph/builder.js'
import { bestMs } from './bestMs.js'

const [ROWS, INNER, COLUMNS] = [512, 2048, 2048] as const

/** The most GFLOP/s that the runtime's own fp32 matrix product reaches here: the best of a few, 512 x 2,048 x 2,048. */
export async function sgemmPeak(threads: number): Promise<number> {
  const graph = graphBuilder('peak')
  const left = graph.input('left', 'float', [ROWS, INNER])
  const right = graph.constant('right', new Float32Array(INNER * COLUMNS).fill(0.5), [INNER, COLUMNS])
  graph.output('product', graph.node('MatMul', [left, right]), 'float', [ROWS, COLUMNS])
  const session = await InferenceSession.create(graph.model(), { intraOpNumThreads: threads, logSeverityLevel: 4 })
  const ms = await bestMs(
    session,
    { left: new Tensor('float32', new Float32Array(ROWS * INNER).fill(0.25), [ROWS, INNER]) },
    { product: new Tensor('float32', new Float32Array(ROWS * COLUMNS), [ROWS, COLUMNS]) },
  )
  return (2 * ROWS * INNER * COLUMNS) / ms / 1e6
}
