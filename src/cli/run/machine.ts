import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os'
import { version } from '../../core/run.js'
import type { Peaks } from '../../models/peaks/peak.js'

export type Machine = Readonly<{
  cpu: string
  cores: number
  memory_gib: number
  platform: string
  node: string
  version: string
  /** Threads per model. */
  threads: number
}>

/** A machine and the runtime's peak speed on all its cores, in fp32. */
export type MeasuredMachine = Machine & Peaks

/** Describes the machine that runs this. */
export function machineOf(threads: number): Machine {
  return {
    cpu: cpus()[0]?.model.trim() || 'an unnamed CPU',
    cores: availableParallelism(),
    memory_gib: Math.round(totalmem() / 2 ** 30),
    platform: `${platform()}-${arch()}`,
    node: process.versions.node,
    version,
    threads,
  }
}
