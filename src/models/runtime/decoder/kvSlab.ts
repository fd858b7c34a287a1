/** What sits in a slab's row. The slab moves rows about and keeps `slot` right. */
export type Resident = { slot: number }

/** Rows of keys and values of one length class, in the memory of the CPU or of a GPU. */
export interface KvSlab<R extends Resident> {
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
