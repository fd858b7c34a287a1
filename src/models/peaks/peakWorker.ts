import { parentPort, workerData } from 'node:worker_threads'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { graphBuilder } from '../graph/builder.js'
import { bestMs, type Peaks } from './peak.js'
import { readPeak } from './readPeak.js'

/** Rows, numbers per row, and columns of a product. */
type Shape = readonly [rows: number, inner: number, columns: number]

/** A large product, and one the size of a reward tree of many prompts, which fits caches better. */
const SHAPES: readonly Shape[] = [
  [512, 2048, 2048],
  [320, 768, 2048],
]

/** Measures the peak GFLOP/s of the runtime's fp32 matrix product on this machine, the best of a few. */
async function sgemmPeak(threads: number): Promise<number> {
  let best = 0
  for (const shape of SHAPES) best = Math.max(best, await gflops(shape, threads))
  return best
}

async function gflops([rows, inner, columns]: Shape, threads: number): Promise<number> {
  const graph = graphBuilder('peak')
  const left = graph.input('left', 'float', [rows, inner])
  const right = graph.constant('right', new Float32Array(inner * columns).fill(0.5), [inner, columns])
  graph.output('product', graph.node('MatMul', [left, right]), 'float', [rows, columns])
  const session = await InferenceSession.create(graph.model(), { intraOpNumThreads: threads, logSeverityLevel: 4 })
  const ms = await bestMs(
    session,
    { left: new Tensor('float32', new Float32Array(rows * inner).fill(0.25), [rows, inner]) },
    { product: new Tensor('float32', new Float32Array(rows * columns), [rows, columns]) },
  )
  return (2 * rows * inner * columns) / ms / 1e6
}

const threads = workerData as number
const peaks: Peaks = { peak_gflops: await sgemmPeak(threads), peak_read_gb_s: await readPeak(threads) }
parentPort!.postMessage(peaks)
