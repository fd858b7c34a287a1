import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os'
import { version } from '../core/version.js'
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
}>

/** The machine that measures, and the most its matrix products reach. */
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
  }
}
