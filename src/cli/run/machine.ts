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
  /** Threads a model computes with. */
  threads: number
}>

/** A machine with the most that the runtime's fp32 products reached on it, on all cores. */
export type MeasuredMachine = Machine & Peaks

/** The machine that measures. */
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
