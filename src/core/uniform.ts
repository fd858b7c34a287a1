/**
 * Computes a random number in [0, 1) from its arguments alone: Philox4x32-10 (Salmon et al., 2011) with the key `seed` and
 * the counter (64-bit hash of `promptId`, `sample`, `position`). It uses 53 bits.
 *
 * - `seed`, `sample`, `position`: integers >= 0; 53 bits of `seed` count, 32 bits of the others
 */
export function uniform(seed: number, promptId: string, sample: number, position: number): number {
  const key = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0] as const
  const counter = [hash(promptId, 0), hash(promptId, SECOND), sample >>> 0, position >>> 0] as const
  const [high, low] = philox(counter, key)
  return ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53
}

/** Salt of the second hash of a text. */
const SECOND = 0x9e3779b9

type Words = readonly [number, number, number, number]

/** Ten rounds of Philox4x32: four random 32-bit words for a counter of four words and a key of two. */
export function philox(counter: Words, key: readonly [number, number]): Words {
  let [a, b, c, d] = counter
  let [k0, k1] = key
  for (let round = 0; round < 10; round++) {
    const [high0, low0] = [mulHigh(0xd2511f53, a), Math.imul(0xd2511f53, a) >>> 0]
    const [high1, low1] = [mulHigh(0xcd9e8d57, c), Math.imul(0xcd9e8d57, c) >>> 0]
    a = (high1 ^ b ^ k0) >>> 0
    b = low1
    c = (high0 ^ d ^ k1) >>> 0
    d = low0
    k0 = (k0 + 0x9e3779b9) >>> 0
    k1 = (k1 + 0xbb67ae85) >>> 0
  }
  return [a, b, c, d]
}

/** The upper 32 bits of a 64-bit product, through halves of 16 bits: doubles hold 53. */
function mulHigh(x: number, y: number): number {
  const [xh, xl, yh, yl] = [x >>> 16, x & 0xffff, y >>> 16, y & 0xffff]
  const middle = xh * yl + ((xl * yl) >>> 16)
  const carry = xl * yh + (middle % 2 ** 16)
  return (xh * yh + Math.floor(middle / 2 ** 16) + Math.floor(carry / 2 ** 16)) >>> 0
}

/** Hashes a text into 16 hexadecimal digits: two hashes of 32 bits. */
export function hashText(text: string): string {
  let [h, g] = [0, SECOND]
  // One pass for both, as millions of texts are hashed.
  for (let i = 0; i < text.length; i++) {
    const block = blockOf(text.charCodeAt(i))
    h = withBlock(h, block)
    g = withBlock(g, block)
  }
  return digits(mixed(h, text.length)) + digits(mixed(g, text.length))
}

const digits = (word: number): string => word.toString(16).padStart(8, '0')

/** MurmurHash3 (32 bit) over the UTF-16 code units of a text, one block each. */
export function hash(text: string, seed: number): number {
  let h = seed
  for (let i = 0; i < text.length; i++) h = withBlock(h, blockOf(text.charCodeAt(i)))
  return mixed(h, text.length)
}

function blockOf(unit: number): number {
  const block = Math.imul(unit, 0xcc9e2d51)
  return Math.imul((block << 15) | (block >>> 17), 0x1b873593)
}

function withBlock(h: number, block: number): number {
  const next = h ^ block
  return (Math.imul((next << 13) | (next >>> 19), 5) + 0xe6546b64) | 0
}

function mixed(hashed: number, length: number): number {
  let h = hashed ^ length
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
