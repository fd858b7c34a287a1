import { InferenceSession, Tensor } from 'onnxruntime-node'
import { graphBuilder } from '../graph/builder.js'
import { bestMs } from './peak.js'

const [INNER, COLUMNS] = [8192, 8192] as const

/** Bytes of weights in the measurement of reading. Most machines' caches hold fewer. */
export const READ_BYTES = 4 * INNER * COLUMNS

/** Measures the peak GB/s at which the runtime reads weights from memory, the best of a few products of one row. */
export async function readPeak(threads: number): Promise<number> {
  const graph = graphBuilder('read')
  const left = graph.input('left', 'float', [1, INNER])
  const right = graph.input('right', 'float', [INNER, COLUMNS])
  graph.output('product', graph.node('MatMul', [left, right]), 'float', [1, COLUMNS])
  const session = await InferenceSession.create(graph.model(), { intraOpNumThreads: threads, logSeverityLevel: 4 })
  const weights = new Float32Array(INNER * COLUMNS).fill(0.5)
  const ms = await bestMs(
    session,
    {
      left: new Tensor('float32', new Float32Array(INNER).fill(0.25), [1, INNER]),
      right: new Tensor('float32', weights, [INNER, COLUMNS]),
    },
    { product: new Tensor('float32', new Float32Array(COLUMNS), [1, COLUMNS]) },
  )
  return READ_BYTES / ms / 1e6
}
