/** The owner of a slab's row. The slab moves rows and updates `slot`. */
export type Resident = { slot: number }

/** Rows of keys and values of one length class, in CPU or GPU memory. */
export interface KvSlab<R extends Resident> {
  /** Most positions of a row. */
  readonly longest: number
  /** Bytes of the rows in use. */
  readonly bytes: number
  /** Makes room for `more` residents at once. */
  reserve(more: number): void
  /** Makes every row at least `positions` long. */
  fit(positions: number): void
  add(resident: R): void
  /** Frees a row. It zeroes a `dirty` row: a masked NaN would poison the next resident's sums. */
  remove(slot: number, dirty: boolean): void
  /** Copies positions `from` to `to` of a row into another row, of this slab or another. */
  copyTo(other: this, source: R, target: R, from: number, to: number): void
  /** Moves a resident and the first `positions` of its row to another slab. */
  moveTo(other: this, resident: R, positions: number, dirty: boolean): void
  /** Copies one position of a row onto an earlier one. Returns false if reading the token again costs less. */
  movePosition(slot: number, from: number, to: number): boolean
}
