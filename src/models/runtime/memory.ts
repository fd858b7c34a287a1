import type { CachedSequence } from './CachedSequence.js'
import type { Job } from './feeds.js'
import type { Output } from './OutputBuffers.js'
import type { Traffic } from './protocol.js'

/** What sits in a slab's row. The slab moves rows about and keeps `slot` right. */
export type Resident = { slot: number }

/** Rows of keys and values of one length class, in the memory of the CPU or of a GPU. */
export interface KvSlab<R extends Resident = CachedSequence> {
  /** Positions a row can hold at most. */
  readonly longest: number
  /** Bytes of the rows in use. */
  readonly bytes: number
  /** Makes room for `more` residents at once. */
  reserve(more: number): void
  /** Makes every row at least `positions` long. */
  fit(positions: number): void
  add(resident: R): void
  /** Frees a row. `dirty` rows are zeroed: a NaN behind the mask would poison the sums of the next resident. */
  remove(slot: number, dirty: boolean): void
  /** Copies positions `from` to `to` of a row into another row, of this slab or another. */
  copyTo(other: this, source: R, target: R, from: number, to: number): void
  /** Moves a resident and the first `positions` of its row to another slab. */
  moveTo(other: this, resident: R, positions: number, dirty: boolean): void
  /** Copies one position of a row onto an earlier one. False where that costs more than reading its token again. */
  movePosition(slot: number, from: number, to: number): boolean
}

/** What a run computed. `values` of a job: the output's numbers at each read, or of a read's largest ones and which tokens they are. */
export type Computed<J extends Job> = Readonly<{
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
export type Asked = Readonly<{ output: Output; single: boolean; top?: number }>

/** Where the keys and values of a model's sequences lie, and how passes over them are computed there. */
export type KvMemory = Readonly<{
  slab(longest: number): KvSlab
  /** Runs passes over the rows of one slab. What it gives holds until the next run. */
  run<J extends Job>(jobs: readonly J[], asked: Asked): Promise<Computed<J>>
}>
