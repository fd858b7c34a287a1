import { fromHalf } from '../weights/half.js'

/** The contents of a block: a weight is `scale · code - minimum`, with the scale and the minimum of its part. */
export type BlockParts = Readonly<{ codes: Int8Array; scales: Float32Array; minima: Float32Array }>

/** A block: consecutive weights of a row. Those of a part share a scale and a minimum. */
type Block = Readonly<{
  /** Weights and bytes per block. */
  size: 32 | 256
  bytes: number
  /** Weights per part. */
  part: 16 | 32
  /** Bits that every code fits in, after 8 is subtracted if `unsigned`. */
  bits: 4 | 8
  unsigned?: true
  /** Whether parts have minima. Those of other types are zero. */
  minima?: true
  /** Reads the block at `at`. */
  unpack: (data: Uint8Array, at: number, parts: BlockParts) => void
}>

const halfAt = (data: Uint8Array, at: number): number => fromHalf(data[at]! | (data[at + 1]! << 8))

/** Codes of 4 bits: the lower halves of 16 bytes, then their upper halves. */
function nibbles(data: Uint8Array, at: number, codes: Int8Array, minus: number): void {
  for (let i = 0; i < 16; i++) {
    codes[i] = (data[at + i]! & 15) - minus
    codes[i + 16] = (data[at + i]! >> 4) - minus
  }
}

/** Codes of 5 bits: 4 bytes with the fifth bits of 32 codes, then `nibbles`. */
function fiveBits(data: Uint8Array, at: number, codes: Int8Array, minus: number): void {
  const fifth = data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24)
  nibbles(data, at + 4, codes, minus)
  for (let i = 0; i < 32; i++) codes[i]! += ((fifth >> i) & 1) << 4
}

/** Some bits of each of 32 consecutive bytes. */
type Bits = Readonly<{ at: number; shift: number; mask: number }>

/** 32 codes from `to` on: their lower bits, and `weight` times their higher bits. */
function codesFrom(data: Uint8Array, low: Bits, codes: Int8Array, to: number, minus: number, high?: Bits, weight = 0): void {
  for (let i = 0; i < 32; i++) codes[to + i] = ((data[low.at + i]! >> low.shift) & low.mask) - minus
  if (high) for (let i = 0; i < 32; i++) codes[to + i]! += ((data[high.at + i]! >> high.shift) & high.mask) * weight
}

/** Scales and minima of the eight parts of `Q4_K` and `Q5_K`: d and m, then six bits of each for each part in twelve bytes. */
function sixBitParts(data: Uint8Array, at: number, { scales, minima }: BlockParts): void {
  const [d, m, packed] = [halfAt(data, at), halfAt(data, at + 2), at + 4]
  for (let part = 0; part < 4; part++) {
    const [first, second, last] = [data[packed + part]!, data[packed + part + 4]!, data[packed + part + 8]!]
    scales[part] = d * (first & 63)
    minima[part] = m * (second & 63)
    scales[part + 4] = d * ((last & 15) | ((first >> 6) << 4))
    minima[part + 4] = m * ((last >> 4) | ((second >> 6) << 4))
  }
}

/** What the codes of `IQ4_NL` stand for. */
const UNEVEN = Int8Array.of(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113)

/**
 * The supported block types of GGUF. d and m are 16-bit numbers, q is a weight's code.
 *
 * - `Q8_0`: d · q, q of 8 bits with a sign
 * - `Q4_0`, `Q5_0`: d · (q - 8), d · (q - 16)
 * - `Q4_1`, `Q5_1`: d · q + m
 * - `IQ4_NL`: d · one of 16 uneven values
 * - `Q2_K`: d · scale · q - m · min, with four bits of scale and min for each 16 weights
 * - `Q3_K`: d · (scale - 32) · (q - 4), with six bits of scale for each 16 weights
 * - `Q4_K`, `Q5_K`: d · scale · q - m · min, with six bits of scale and min for each 32 weights
 * - `Q6_K`: d · scale · (q - 32), with eight bits of scale for each 16 weights
 *
 * All scales and minima are exact in fp32.
 *
 * @see llama.cpp ggml/src/ggml-quants.c and ggml-common.h
 */
const types = {
  Q8_0: {
    ...{ size: 32, bytes: 34, part: 32, bits: 8 },
    unpack(data, at, { codes, scales }) {
      scales[0] = halfAt(data, at)
      // An element of an Int8Array takes a byte as the number with a sign.
      for (let i = 0; i < 32; i++) codes[i] = data[at + 2 + i]!
    },
  },
  Q4_0: {
    ...{ size: 32, bytes: 18, part: 32, bits: 4 },
    unpack(data, at, { codes, scales }) {
      scales[0] = halfAt(data, at)
      nibbles(data, at + 2, codes, 8)
    },
  },
  Q4_1: {
    ...{ size: 32, bytes: 20, part: 32, bits: 4, unsigned: true, minima: true },
    unpack(data, at, { codes, scales, minima }) {
      scales[0] = halfAt(data, at)
      minima[0] = -halfAt(data, at + 2)
      nibbles(data, at + 4, codes, 0)
    },
  },
  Q5_0: {
    ...{ size: 32, bytes: 22, part: 32, bits: 8 },
    unpack(data, at, { codes, scales }) {
      scales[0] = halfAt(data, at)
      fiveBits(data, at + 2, codes, 16)
    },
  },
  Q5_1: {
    ...{ size: 32, bytes: 24, part: 32, bits: 8, minima: true },
    unpack(data, at, { codes, scales, minima }) {
      scales[0] = halfAt(data, at)
      minima[0] = -halfAt(data, at + 2)
      fiveBits(data, at + 4, codes, 0)
    },
  },
  IQ4_NL: {
    ...{ size: 32, bytes: 18, part: 32, bits: 8 },
    unpack(data, at, { codes, scales }) {
      scales[0] = halfAt(data, at)
      nibbles(data, at + 2, codes, 0)
      for (let i = 0; i < 32; i++) codes[i] = UNEVEN[codes[i]!]!
    },
  },
  Q2_K: {
    ...{ size: 256, bytes: 84, part: 16, bits: 4, minima: true },
    unpack(data, at, { codes, scales, minima }) {
      const [d, m] = [halfAt(data, at + 80), halfAt(data, at + 82)]
      for (let part = 0; part < 16; part++) {
        scales[part] = d * (data[at + part]! & 15)
        minima[part] = m * (data[at + part]! >> 4)
      }
      for (let run = 0; run < 8; run++)
        codesFrom(data, { at: at + 16 + 32 * (run >> 2), shift: 2 * (run & 3), mask: 3 }, codes, 32 * run, 0)
    },
  },
  Q3_K: {
    ...{ size: 256, bytes: 110, part: 16, bits: 4 },
    unpack(data, at, { codes, scales }) {
      const d = halfAt(data, at + 108)
      for (let part = 0; part < 16; part++) {
        const low = (data[at + 96 + (part & 7)]! >> (4 * (part >> 3))) & 15
        const high = (data[at + 104 + (part & 3)]! >> (2 * (part >> 2))) & 3
        scales[part] = d * ((low | (high << 4)) - 32)
      }
      for (let run = 0; run < 8; run++) {
        const low = { at: at + 32 + 32 * (run >> 2), shift: 2 * (run & 3), mask: 3 }
        codesFrom(data, low, codes, 32 * run, 4, { at, shift: run, mask: 1 }, 4)
      }
    },
  },
  Q4_K: {
    ...{ size: 256, bytes: 144, part: 32, bits: 4, unsigned: true, minima: true },
    unpack(data, at, parts) {
      sixBitParts(data, at, parts)
      for (let run = 0; run < 8; run++)
        codesFrom(data, { at: at + 16 + 32 * (run >> 1), shift: 4 * (run & 1), mask: 15 }, parts.codes, 32 * run, 0)
    },
  },
  Q5_K: {
    ...{ size: 256, bytes: 176, part: 32, bits: 8, minima: true },
    unpack(data, at, parts) {
      sixBitParts(data, at, parts)
      for (let run = 0; run < 8; run++) {
        const low = { at: at + 48 + 32 * (run >> 1), shift: 4 * (run & 1), mask: 15 }
        codesFrom(data, low, parts.codes, 32 * run, 0, { at: at + 16, shift: run, mask: 1 }, 16)
      }
    },
  },
  Q6_K: {
    ...{ size: 256, bytes: 210, part: 16, bits: 8 },
    unpack(data, at, { codes, scales }) {
      const d = halfAt(data, at + 208)
      for (let part = 0; part < 16; part++) scales[part] = d * ((data[at + 192 + part]! << 24) >> 24)
      for (let run = 0; run < 8; run++) {
        const [half, quarter] = [run >> 2, run & 3]
        const low = { at: at + 64 * half + 32 * (quarter & 1), shift: 4 * (quarter >> 1), mask: 15 }
        codesFrom(data, low, codes, 32 * run, 32, { at: at + 128 + 32 * half, shift: 2 * quarter, mask: 3 }, 16)
      }
    },
  },
} as const satisfies Readonly<Record<string, Block>>

export type BlockType = keyof typeof types

export const blocks: Readonly<Record<BlockType, Block>> = types

export const isBlockType = (type: string): type is BlockType => Object.hasOwn(blocks, type)

/** Memory for the contents of one block of any type. */
export const blockParts = (): BlockParts => ({
  codes: new Int8Array(256),
  scales: new Float32Array(16),
  minima: new Float32Array(16),
})

/** Converts rows of blocks to fp32. */
export function widenBlocks(data: Uint8Array, type: BlockType): Float32Array {
  const { size, bytes, part, unpack } = blocks[type]
  const count = data.length / bytes
  const values = new Float32Array(count * size)
  const parts = blockParts()
  for (let block = 0; block < count; block++) {
    unpack(data, block * bytes, parts)
    scaleParts(parts, values, block * size, size, part)
  }
  return values
}

function scaleParts({ codes, scales, minima }: BlockParts, values: Float32Array, to: number, size: number, part: number): void {
  for (let begin = 0; begin < size; begin += part) {
    const [scale, minimum] = [scales[begin / part]!, minima[begin / part]!]
    for (let i = begin; i < begin + part; i++) values[to + i] = scale * codes[i]! - minimum
  }
}
