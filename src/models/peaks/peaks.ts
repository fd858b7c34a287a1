import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { disableTelemetry } from '../runtime/telemetry.js'
import type { Peaks } from './peak.js'

/** Measures both peaks with this many threads. A worker does it, so that its memory is freed at the end. */
export async function peaksOf(threads: number): Promise<Peaks> {
  disableTelemetry()
  const worker = new Worker(new URL('./peakWorker.js', import.meta.url), { workerData: threads })
  const [peaks] = (await once(worker, 'message')) as [Peaks]
  await worker.terminate()
  return peaks
}

/** Combines the best of one or more measurements. */
export const bestPeaks = (measured: readonly Peaks[]): Peaks => ({
  peak_gflops: Math.max(...measured.map(({ peak_gflops: gflops }) => gflops)),
  peak_read_gb_s: Math.max(...measured.map(({ peak_read_gb_s: gbs }) => gbs)),
})
