import type { Measure } from '../../../pipelines/evaluation/measures.js'
import type { Role } from '../../../pipelines/evaluation/reproduction.js'
import type { Progress } from '../print/progress.js'
import type { Terminal } from '../terminal.js'

/** Flags of `rxargs reproduce`. */
export type ReproduceFlags = Readonly<{
  output: string
  prompts: string
  checkpoints?: string
  lm: string
  reward: string
  judge: string
  encoder: string
  k: readonly number[]
  weight: readonly number[]
  maxNewTokens: number
  seed: number
  concurrency: number
  limit?: number
  costPrompts: number
}>

/** Settings that all runs of a reproduction share. */
export type Reproducing = Readonly<{
  flags: ReproduceFlags
  folders: ReadonlyMap<Role, string>
  measures: readonly Measure[]
  progress: Progress
  terminal: Terminal
}>
