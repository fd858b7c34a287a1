import type { Traffic } from '../watch.js'
import type { CachedSequence } from './CachedSequence.js'
import type { PassJob } from './feeds.js'
import type { KvSlab } from './kvSlab.js'
import type { Output } from './OutputBuffers.js'

/** What a run computed. `values` of a job: the output's numbers at each read, or of a read's largest ones and which tokens they are. */
export type Computed<J extends PassJob> = Readonly<{
  /** New tokens, padding that linear layers compute included, and reads. */
  tokens: number
  reads: number
  values(job: J): Readonly<{ values: Float32Array; tokenIds?: Int32Array; finite: boolean }>
  /** Writes keys and values of `count` tokens of a job's pass, from the token `from` on, to `position` on of its row. */
  write(job: J, position: number, from: number, count: number): void
  /** Bytes that went to the device and back. */
  traffic?: Traffic
}>

/** What is asked of a run: an output, whether each pass is the one next token of its sequence, and of logits how many of the largest are enough. */
export type RunRequest = Readonly<{ output: Output; single: boolean; top?: number }>

/** Where the keys and values of a model's sequences lie, and how passes over them are computed there. */
export type KvMemory = Readonly<{
  slab(longest: number): KvSlab<CachedSequence>
  /** Runs passes over the rows of one slab. What it gives holds until the next run. */
  run<J extends PassJob>(jobs: readonly J[], asked: RunRequest): Promise<Computed<J>>
}>
