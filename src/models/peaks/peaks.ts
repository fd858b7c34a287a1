import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

/** The most that the runtime's fp32 products reach on a machine. */
export type Peaks = Readonly<{
  /** 10^9 operations a second of products with many rows. */
  peak_gflops: number
  /** 10^9 bytes of weights a second that a product of one row reads from memory. */
  peak_read_gb_s: number
}>

/** Measures both with so many threads; in a worker, whose memory is given back when it ends. */
export async function peaksOf(threads: number): Promise<Peaks> {
  const worker = new Worker(new URL('./peakWorker.js', import.meta.url), { workerData: threads })
  const [peaks] = (await once(worker, 'message')) as [Peaks]
  await worker.terminate()
  return peaks
}

/** The best of several measurements, at least one. */
export const bestPeaks = (measured: readonly Peaks[]): Peaks => ({
  peak_gflops: Math.max(...measured.map(({ peak_gflops: gflops }) => gflops)),
  peak_read_gb_s: Math.max(...measured.map(({ peak_read_gb_s: gbs }) => gbs)),
})
