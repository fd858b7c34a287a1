import type { Traffic } from '../watch.js'
import type { CachedSequence } from './CachedSequence.js'
import type { PassJob } from './feeds.js'
import type { KvSlab } from './kvSlab.js'

/** The results of a run. `values` of a job: the output's numbers at each read, or the top logits of a read with their tokens. */
export type Computed<J extends PassJob> = Readonly<{
  /** New tokens, padding of the linear layers included. */
  tokens: number
  reads: number
  values(job: J): Readonly<{ values: Float32Array; tokenIds?: Int32Array; finite: boolean }>
  /** Copies keys and values of tokens `from` to `from + count` of a job's pass to its row, from `position` on. */
  write(job: J, position: number, from: number, count: number): void
  /** Bytes that went to the device and back. */
  traffic?: Traffic
}>

/** An output to read, and its numbers per position. */
export type Output = Readonly<{ name: 'logits' | 'reward' | 'hidden_states'; width: number }>

/** `output` to read. `single`: each pass is one next token of its sequence. `top`: how many of the largest logits are enough. */
export type RunRequest = Readonly<{ output: Output; single: boolean; top?: number }>

/** The memory of a model's keys and values. It runs passes over them. */
export type KvMemory = Readonly<{
  slab(longest: number): KvSlab<CachedSequence>
  /** Runs passes over rows of one slab. The results are valid until the next run. */
  run<J extends PassJob>(jobs: readonly J[], request: RunRequest): Promise<Computed<J>>
}>
