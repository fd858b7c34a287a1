import type { CacheShape } from './cacheShape.js'
import type { KvSlab, Resident } from './kvSlab.js'

/** Rows grow by this many positions. A multiple of 32, so padding changes no bit (src/README.md, "Why bits do not depend on load"). */
const GRAIN = 64

/**
 * KV cache rows of one length class. Each layer has an array of keys and one of values, Float32[slots, kvHeads, T, headDim], so neighbouring slots
 * are a batch without a copy. Slots are dense: the last row fills a free slot. T follows the longest resident, up to the class's length. The slab
 * reserves that memory from the start; untouched pages cost nothing.
 */
export class Slab<R extends Resident> implements KvSlab<R> {
  readonly residents: R[] = []
  private readonly positionSize: number
  private readonly planes: Float32Array[]
  private capacity = 0
  private positions = 0

  constructor(
    private readonly shape: CacheShape,
    /** Most positions of a row. */
    readonly longest: number,
  ) {
    this.positionSize = shape.kvHeads * shape.headDim
    this.planes = Array.from({ length: 2 * shape.layers }, () => new Float32Array(0))
  }

  /** Current positions of a row (T). */
  get length(): number {
    return this.positions
  }

  /** Makes room for `more` residents at once. Growing row by row would copy the others each time. */
  reserve(more: number): void {
    const needed = this.residents.length + more
    if (needed > this.capacity) this.resize(Math.max(needed, Math.ceil(1.5 * this.capacity)))
  }

  /** Makes every row at least `positions` long. */
  fit(positions: number): void {
    if (positions <= this.positions) return
    const { kvHeads, headDim } = this.shape
    const before = this.positions * headDim
    this.positions = Math.min(this.longest, GRAIN * Math.ceil(positions / GRAIN))
    const after = this.positions * headDim
    // From last to first: each block moves back, over blocks that have already moved.
    for (const plane of this.planes)
      for (let head = this.residents.length * kvHeads - 1; head >= 0; head--) {
        plane.copyWithin(head * after, head * before, (head + 1) * before)
        plane.fill(0, head * after + before, (head + 1) * after)
      }
  }

  add(resident: R): void {
    this.reserve(1)
    resident.slot = this.residents.push(resident) - 1
  }

  /** Frees a row. It zeroes a `dirty` row: a masked NaN would poison the next resident's sums. */
  remove(slot: number, dirty: boolean): void {
    const last = this.residents.length - 1
    const { rowSize } = this
    if (slot !== last) {
      for (const plane of this.planes) plane.copyWithin(slot * rowSize, last * rowSize, (last + 1) * rowSize)
      this.residents[slot] = this.residents[last]!
      this.residents[slot].slot = slot
    }
    this.residents.pop()
    if (dirty) for (const plane of this.planes) plane.fill(0, last * rowSize, (last + 1) * rowSize)
    // Keeps the memory for the next residents: the first touch of a page costs more than the computation that fills it.
    if (this.residents.length === 0) this.positions = 0
  }

  /** Copies positions `from` to `to` of a row into another row, of this slab or another. */
  copyTo(other: this, source: R, target: R, from: number, to: number): void {
    const { kvHeads, headDim } = this.shape
    this.planes.forEach((plane, index) => {
      for (let head = 0; head < kvHeads; head++) {
        const begin = source.slot * this.rowSize + (head * this.positions + from) * headDim
        const end = begin + (to - from) * headDim
        other.planes[index]!.set(
          plane.subarray(begin, end),
          target.slot * other.rowSize + (head * other.positions + from) * headDim,
        )
      }
    })
  }

  /** Moves a resident and the first `positions` of its row to another slab. */
  moveTo(other: this, resident: R, positions: number, dirty: boolean): void {
    const from = { ...resident }
    other.add(resident)
    other.fit(positions)
    this.copyTo(other, from, resident, 0, positions)
    this.remove(from.slot, dirty)
  }

  /** Brings residents into neighbouring slots with the fewest moves. Returns the first slot. */
  gather(batch: readonly R[]): number {
    const start = this.bestWindow(batch)
    const end = start + batch.length
    const members = new Set(batch)
    const holes: number[] = []
    for (let slot = start; slot < end; slot++) if (!members.has(this.residents[slot]!)) holes.push(slot)
    for (const resident of batch) if (resident.slot < start || resident.slot >= end) this.swap(resident.slot, holes.pop()!)
    return start
  }

  /** Keys (even planes) and values (odd planes) of `count` slots, as views: Float32[count, kvHeads, T, headDim]. */
  rows(plane: number, start: number, count: number): Float32Array {
    return this.planes[plane]!.subarray(start * this.rowSize, (start + count) * this.rowSize)
  }

  /** Copies `count` positions of new keys or values Float32[B, kvHeads, S, headDim] to a slot, from `position` on. */
  write(plane: number, slot: number, position: number, source: NewRows, count: number): void {
    const { kvHeads, headDim } = this.shape
    const { values, row, tokens, from } = source
    for (let head = 0; head < kvHeads; head++) {
      const begin = ((row * kvHeads + head) * tokens + from) * headDim
      const target = slot * this.rowSize + (head * this.positions + position) * headDim
      this.planes[plane]!.set(values.subarray(begin, begin + count * headDim), target)
    }
  }

  /** Copies one position of a row onto an earlier one. */
  movePosition(slot: number, from: number, to: number): true {
    const { kvHeads, headDim } = this.shape
    for (const plane of this.planes)
      for (let head = 0; head < kvHeads; head++) {
        const begin = slot * this.rowSize + head * this.positions * headDim
        plane.copyWithin(begin + to * headDim, begin + from * headDim, begin + (from + 1) * headDim)
      }
    return true
  }

  /** Bytes of the rows in use, in their current length. */
  get bytes(): number {
    return this.residents.length * this.rowSize * 4 * this.planes.length
  }

  private get rowSize(): number {
    return this.positions * this.positionSize
  }

  private bestWindow(batch: readonly R[]): number {
    const last = this.residents.length - batch.length
    const inside = new Uint8Array(this.residents.length)
    for (const { slot } of batch) inside[slot] = 1
    let count = 0
    for (let slot = 0; slot < batch.length; slot++) count += inside[slot]!
    let best = { start: 0, count }
    for (let start = 1; start <= last; start++) {
      count += inside[start + batch.length - 1]! - inside[start - 1]!
      if (count > best.count) best = { start, count }
    }
    return best.start
  }

  private swap(a: number, b: number): void {
    if (a === b) return
    const { rowSize } = this
    for (const plane of this.planes) {
      const kept = plane.slice(a * rowSize, (a + 1) * rowSize)
      plane.copyWithin(a * rowSize, b * rowSize, (b + 1) * rowSize)
      plane.set(kept, b * rowSize)
    }
    const [first, second] = [this.residents[a]!, this.residents[b]!]
    this.residents[a] = second
    this.residents[b] = first
    first.slot = b
    second.slot = a
  }

  private resize(capacity: number): void {
    const used = this.residents.length * this.rowSize
    this.planes.forEach((plane, index) => {
      const resized = new Float32Array(capacity * this.longest * this.positionSize)
      resized.set(plane.subarray(0, used))
      this.planes[index] = resized
    })
    this.capacity = capacity
  }
}

/** New keys or values: row of the batch, tokens per row (S), and the first token to copy. */
export type NewRows = Readonly<{ values: Float32Array; row: number; tokens: number; from: number }>
