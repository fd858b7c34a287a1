import { InputError } from '../errors.js'
import { hash } from '../uniform.js'

/** A set of texts that only grows. */
export type TextSet = Readonly<{
  has: (text: string) => boolean
  /**
   * Returns whether the text is new.
   *
   * @throws InputError if the texts take more than 16 GiB
   */
  add: (text: string) => boolean
}>

const PAGE_BYTES = 1 << 20
/** Each text has before it its length, whether its characters take two bytes each, and its hash. */
const HEAD_BYTES = 8
/** Texts begin at multiples of this, so that 32 bits tell the places of 16 GiB. */
const UNIT = 4
const MOST_PAGES = (2 ** 32 * UNIT) / PAGE_BYTES - 1
const FULL = 0.5

const isWide = (text: string): boolean => {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0xff) return true
  return false
}

/**
 * Makes a set of millions of texts that the garbage collector does not see: a text takes its characters, about 10 bytes and a slot of 4 bytes in
 * a table that is at most half full. Texts of the same hash are compared, so the set is exact.
 *
 * @param hashOf hashes a text to 32 bits
 */
export function textSet(hashOf: (text: string) => number = (text) => hash(text, 0)): TextSet {
  const pages: DataView[] = []
  let used = PAGE_BYTES
  let count = 0
  /** Where texts lie, in units and plus 1. 0 is a free slot. */
  let places = new Uint32Array(1 << 11)

  /** The page of a place and the text's beginning in it. */
  const locate = (place: number): readonly [page: DataView, at: number] => {
    const from = (place - 1) * UNIT
    return [pages[Math.floor(from / PAGE_BYTES)]!, from % PAGE_BYTES]
  }

  const isAt = (place: number, text: string, hashed: number): boolean => {
    const [page, at] = locate(place)
    const head = page.getUint32(at)
    if (page.getUint32(at + 4) !== hashed || head >>> 1 !== text.length) return false
    const width = 1 + (head & 1)
    for (let index = 0; index < text.length; index++) {
      const from = at + HEAD_BYTES + index * width
      if ((width === 1 ? page.getUint8(from) : page.getUint16(from)) !== text.charCodeAt(index)) return false
    }
    return true
  }

  /** The slot of a text, or the free slot where it belongs. */
  const slotOf = (text: string, hashed: number): number => {
    let slot = hashed % places.length
    for (let place = places[slot]!; place !== 0 && !isAt(place, text, hashed); place = places[slot]!) {
      slot = (slot + 1) % places.length
    }
    return slot
  }

  const write = (text: string, hashed: number): number => {
    const width = isWide(text) ? 2 : 1
    const bytes = HEAD_BYTES + text.length * width
    if (used + bytes > PAGE_BYTES) {
      if (pages.length === MOST_PAGES)
        throw new InputError('Expected ids that take at most 16 GiB together, got more. Give each run a part of the input')
      // A longer text has a page of its own.
      pages.push(new DataView(new ArrayBuffer(Math.max(bytes, PAGE_BYTES))))
      used = 0
    }
    const page = pages.at(-1)!
    const at = used
    page.setUint32(at, text.length * 2 + width - 1)
    page.setUint32(at + 4, hashed)
    for (let index = 0; index < text.length; index++) {
      const to = at + HEAD_BYTES + index * width
      if (width === 1) page.setUint8(to, text.charCodeAt(index))
      else page.setUint16(to, text.charCodeAt(index))
    }
    used += Math.ceil(bytes / UNIT) * UNIT
    return ((pages.length - 1) * PAGE_BYTES + at) / UNIT + 1
  }

  const grow = (): void => {
    const old = places
    places = new Uint32Array(2 * old.length)
    for (const place of old) {
      if (place === 0) continue
      const [page, at] = locate(place)
      let slot = page.getUint32(at + 4) % places.length
      while (places[slot] !== 0) slot = (slot + 1) % places.length
      places[slot] = place
    }
  }

  return {
    has: (text) => places[slotOf(text, hashOf(text) >>> 0)] !== 0,
    add(text) {
      const hashed = hashOf(text) >>> 0
      const slot = slotOf(text, hashed)
      if (places[slot] !== 0) return false
      places[slot] = write(text, hashed)
      if (++count > FULL * places.length) grow()
      return true
    },
  }
}
