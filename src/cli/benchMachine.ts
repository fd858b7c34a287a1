import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os'
import { version } from '../core/version.js'
import { readPeak } from '../models/runtime/readPeak.js'
import { sgemmPeak } from '../models/runtime/sgemmPeak.js'

export type Machine = Readonly<{
  cpu: string
  cores: number
  memory_gib: number
  platform: string
  node: string
  version: string
  /** Threads a model computes with. */
  threads: number
  /** 10^9 operations a second of an fp32 matrix product of the runtime, 512 x 2,048 x 2,048. */
  peak_gflops: number
  /** 10^9 bytes of weights a second that its product of one row reads from memory. */
  peak_read_gb_s: number
}>

/** The machine that measures, and the most that the runtime's matrix products reach on it. */
export async function machineOf(threads: number): Promise<Machine> {
  return {
    cpu: cpus()[0]?.model.trim() || 'an unnamed CPU',
    cores: availableParallelism(),
    memory_gib: Math.round(totalmem() / 2 ** 30),
    platform: `${platform()}-${arch()}`,
    node: process.versions.node,
    version,
    threads,
    peak_gflops: await sgemmPeak(threads),
    peak_read_gb_s: await readPeak(threads),
  }
}
