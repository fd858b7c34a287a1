import { hash } from '../uniform.js'

/** A set of texts that only grows. */
export type TextSet = Readonly<{
  has: (text: string) => boolean
  /** Returns whether the text is new. */
  add: (text: string) => boolean
}>

const PAGE_BYTES = 1 << 20
/** Each text has its length before it, and whether its characters take two bytes each. */
const HEAD_BYTES = 4
const FULL = 0.75

const isWide = (text: string): boolean => {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0xff) return true
  return false
}

/**
 * Makes a set of millions of texts that the garbage collector does not see: a text takes its characters, 4 bytes and a slot of 12 bytes in
 * a table that is at most three quarters full. Texts of the same hash are compared, so the set is exact.
 *
 * @param hashOf hashes a text to 32 bits
 */
export function textSet(hashOf: (text: string) => number = (text) => hash(text, 0)): TextSet {
  const pages: DataView[] = []
  let used = PAGE_BYTES
  let count = 0
  let hashes = new Uint32Array(1 << 10)
  /** Where texts lie, plus 1: the number of the page times its bytes, plus the place in it. 0 is a free slot. */
  let places = new Float64Array(hashes.length)

  const isAt = (place: number, text: string): boolean => {
    const page = pages[Math.floor(place / PAGE_BYTES)]!
    const at = place % PAGE_BYTES
    const head = page.getUint32(at)
    if (head >>> 1 !== text.length) return false
    const width = 1 + (head & 1)
    for (let index = 0; index < text.length; index++) {
      const from = at + HEAD_BYTES + index * width
      if ((width === 1 ? page.getUint8(from) : page.getUint16(from)) !== text.charCodeAt(index)) return false
    }
    return true
  }

  /** The slot of a text, or the free slot where it belongs. */
  const slotOf = (text: string, hashed: number): number => {
    let slot = hashed % hashes.length
    for (let place = places[slot]!; place !== 0; place = places[slot]!) {
      if (hashes[slot] === hashed && isAt(place - 1, text)) break
      slot = (slot + 1) % hashes.length
    }
    return slot
  }

  const write = (text: string): number => {
    const width = isWide(text) ? 2 : 1
    const bytes = HEAD_BYTES + text.length * width
    if (used + bytes > PAGE_BYTES) {
      // A longer text has a page of its own.
      pages.push(new DataView(new ArrayBuffer(Math.max(bytes, PAGE_BYTES))))
      used = 0
    }
    const page = pages.at(-1)!
    const at = used
    page.setUint32(at, text.length * 2 + width - 1)
    for (let index = 0; index < text.length; index++) {
      const to = at + HEAD_BYTES + index * width
      if (width === 1) page.setUint8(to, text.charCodeAt(index))
      else page.setUint16(to, text.charCodeAt(index))
    }
    used += bytes
    return (pages.length - 1) * PAGE_BYTES + at
  }

  const grow = (): void => {
    const [oldHashes, oldPlaces] = [hashes, places]
    hashes = new Uint32Array(2 * oldHashes.length)
    places = new Float64Array(hashes.length)
    for (const [old, place] of oldPlaces.entries()) {
      if (place === 0) continue
      let slot = oldHashes[old]! % hashes.length
      while (places[slot] !== 0) slot = (slot + 1) % hashes.length
      hashes[slot] = oldHashes[old]!
      places[slot] = place
    }
  }

  return {
    has: (text) => places[slotOf(text, hashOf(text))] !== 0,
    add(text) {
      const hashed = hashOf(text)
      const slot = slotOf(text, hashed)
      if (places[slot] !== 0) return false
      hashes[slot] = hashed
      places[slot] = write(text) + 1
      if (++count > FULL * hashes.length) grow()
      return true
    },
  }
}
