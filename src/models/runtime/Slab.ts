import type { CacheShape } from './cacheShape.js'

/** What sits in a slab's row. The slab moves rows about and keeps `slot` right. */
export type Resident = { slot: number }

/**
 * KV cache rows of one length class. Per layer one array of keys and one of values, Float32[slots, kvHeads, T, headDim], so that
 * any run of neighbouring slots is a batch without a copy. Slots are dense: a freed one is filled by the last.
 */
export class Slab<R extends Resident> {
  readonly residents: R[] = []
  private readonly rowSize: number
  private readonly planes: Float32Array[]
  private capacity = 0

  constructor(
    private readonly shape: CacheShape,
    /** Positions a row: a multiple of 32, so that the padding does not change a bit (design.md section 7). */
    readonly length: number,
  ) {
    this.rowSize = shape.kvHeads * length * shape.headDim
    this.planes = Array.from({ length: 2 * shape.layers }, () => new Float32Array(0))
  }

  add(resident: R): void {
    if (this.residents.length === this.capacity) this.resize(Math.max(1, 2 * this.capacity))
    resident.slot = this.residents.push(resident) - 1
  }

  /** Frees a row. `dirty` rows are zeroed: a NaN behind the mask would poison the sums of the next resident. */
  remove(slot: number, dirty: boolean): void {
    const last = this.residents.length - 1
    if (slot !== last) {
      this.planes.forEach((plane) => {
        plane.copyWithin(slot * this.rowSize, last * this.rowSize, (last + 1) * this.rowSize)
      })
      this.residents[slot] = this.residents[last]!
      this.residents[slot].slot = slot
    }
    this.residents.pop()
    if (dirty) for (const plane of this.planes) plane.fill(0, last * this.rowSize, (last + 1) * this.rowSize)
    if (this.residents.length === 0) this.resize(0)
  }

  /** Moves a resident and the first `positions` of its row to another slab. */
  moveTo(other: Slab<R>, resident: R, positions: number, dirty: boolean): void {
    const from = resident.slot
    other.add(resident)
    this.planes.forEach((plane, index) => {
      const values = plane.subarray(from * this.rowSize, (from + 1) * this.rowSize)
      other.write(index, resident.slot, 0, { values, row: 0, tokens: this.length, from: 0 }, positions)
    })
    this.remove(from, dirty)
  }

  /** Brings residents into neighbouring slots, moving as few rows as possible; returns the first of the slots. */
  gather(batch: readonly R[]): number {
    const start = this.bestWindow(batch)
    const end = start + batch.length
    const wanted = new Set(batch)
    const holes: number[] = []
    for (let slot = start; slot < end; slot++) if (!wanted.has(this.residents[slot]!)) holes.push(slot)
    for (const resident of batch) if (resident.slot < start || resident.slot >= end) this.swap(resident.slot, holes.pop()!)
    return start
  }

  /** Keys (even planes) and values (odd planes) of `count` slots, as views: Float32[count, kvHeads, T, headDim]. */
  rows(plane: number, start: number, count: number): Float32Array {
    return this.planes[plane]!.subarray(start * this.rowSize, (start + count) * this.rowSize)
  }

  /** Copies `count` positions out of new keys or values Float32[B, kvHeads, S, headDim] to `position` on of a slot. */
  write(plane: number, slot: number, position: number, source: NewRows, count: number): void {
    const { kvHeads, headDim } = this.shape
    const { values, row, tokens, from } = source
    for (let head = 0; head < kvHeads; head++) {
      const begin = ((row * kvHeads + head) * tokens + from) * headDim
      const target = slot * this.rowSize + (head * this.length + position) * headDim
      this.planes[plane]!.set(values.subarray(begin, begin + count * headDim), target)
    }
  }

  get bytes(): number {
    return this.capacity * this.rowSize * 4 * this.planes.length
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
    for (const plane of this.planes) {
      const kept = plane.slice(a * this.rowSize, (a + 1) * this.rowSize)
      plane.copyWithin(a * this.rowSize, b * this.rowSize, (b + 1) * this.rowSize)
      plane.set(kept, b * this.rowSize)
    }
    const [first, second] = [this.residents[a]!, this.residents[b]!]
    this.residents[a] = second
    this.residents[b] = first
    first.slot = b
    second.slot = a
  }

  private resize(capacity: number): void {
    this.planes.forEach((plane, index) => {
      const resized = new Float32Array(capacity * this.rowSize)
      resized.set(plane.subarray(0, resized.length))
      this.planes[index] = resized
    })
    this.capacity = capacity
  }
}

/** Where new keys or values lie: row of the batch, tokens a row (S), and the first token to take. */
export type NewRows = Readonly<{ values: Float32Array; row: number; tokens: number; from: number }>
