import { hash } from '../core/uniform.js'
import type { Measured } from './metrics.js'

/** Index of a reply in the table; -1 if it is not there. */
type Place = number

/**
 * Measured replies by (id, sample), to pair two runs whose rows come in different orders. It holds only numbers, outside the heap: 8 bytes per
 * reply for its key (two 32-bit hashes; among a million replies two collide with a chance of 3 in 10^8) and 8 per metric.
 */
export function replyTable(metrics: number) {
  const stride = metrics + 1
  let capacity = 1024
  let size = 0
  let keys = new Uint32Array(2 * capacity)
  let rows = new Float64Array(stride * capacity)
  let used = new Uint16Array(capacity)

  /** Finds the place of a key, or the free place for it. */
  const find = (first: number, second: number): Place => {
    let place = ((first ^ Math.imul(second, 0x9e3779b1)) >>> 0) & (capacity - 1)
    while (used[place] !== 0 && (keys[2 * place] !== first || keys[2 * place + 1] !== second))
      place = (place + 1) & (capacity - 1)
    return place
  }
  const put = (place: Place, first: number, second: number, row: ArrayLike<number>): void => {
    used[place] = 1
    keys[2 * place] = first
    keys[2 * place + 1] = second
    rows.set(row, place * stride)
  }
  const grow = (): void => {
    const old = { capacity, keys, rows, used }
    capacity *= 2
    keys = new Uint32Array(2 * capacity)
    rows = new Float64Array(stride * capacity)
    used = new Uint16Array(capacity)
    for (let place = 0; place < old.capacity; place++) {
      if (old.used[place] === 0) continue
      const [first, second] = [old.keys[2 * place]!, old.keys[2 * place + 1]!]
      put(find(first, second), first, second, old.rows.subarray(place * stride, (place + 1) * stride))
    }
  }
  const wordsOf = (id: string, sample: number) => [hash(`${sample} ${id}`, 0), hash(`${sample} ${id}`, 0x9e3779b9)] as const

  return {
    get size(): number {
      return size
    },
    /** Adds a reply; false if its key is there already. */
    add(id: string, sample: number, { values, tokens }: Measured): boolean {
      if (4 * (size + 1) > 3 * capacity) grow()
      const [first, second] = wordsOf(id, sample)
      const place = find(first, second)
      if (used[place] !== 0) return false
      put(place, first, second, [...values, tokens])
      size++
      return true
    },
    /** Finds the reply of a key, and its place; undefined without one. */
    get(id: string, sample: number): (Measured & Readonly<{ place: Place }>) | undefined {
      const place = find(...wordsOf(id, sample))
      if (used[place] === 0) return undefined
      const at = place * stride
      return { values: rows.subarray(at, at + metrics), tokens: rows[at + metrics]!, place }
    },
    /** Marks a reply as paired within a round (from 1); false if it was already. */
    mark(place: Place, round: number): boolean {
      if (used[place] === round + 1) return false
      used[place] = round + 1
      return true
    },
  }
}

export type ReplyTable = ReturnType<typeof replyTable>
