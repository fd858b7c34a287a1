import { parentPort, workerData } from 'node:worker_threads'
import type { Peaks } from './peak.js'
import { readPeak } from './readPeak.js'
import { sgemmPeak } from './sgemmPeak.js'

const threads = workerData as number
const peaks: Peaks = { peak_gflops: await sgemmPeak(threads), peak_read_gb_s: await readPeak(threads) }
parentPort!.postMessage(peaks)
