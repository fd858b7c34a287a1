import { fromHalf } from '../weights/half.js'

/** A block: consecutive weights of a row that share one or more scales. */
type Block = Readonly<{
  /** Weights and bytes per block. */
  size: number
  bytes: number
  /** Writes the weights of the block at `at` to `values`, from `to` on. */
  widen: (view: DataView, at: number, values: Float32Array, to: number) => void
}>

const halfAt = (view: DataView, at: number): number => fromHalf(view.getUint16(at, true))

/** Scale and minimum of one of a K block's eight parts: six bits each, packed into twelve bytes. */
export function scaleAndMin(view: DataView, at: number, part: number): readonly [scale: number, min: number] {
  const byte = (index: number) => view.getUint8(at + index)
  if (part < 4) return [byte(part) & 63, byte(part + 4) & 63]
  return [(byte(part + 4) & 15) | ((byte(part - 4) >> 6) << 4), (byte(part + 4) >> 4) | ((byte(part) >> 6) << 4)]
}

/** Reads codes of four bits: the lower halves of `half` bytes, then their upper halves. */
const nibble = (view: DataView, at: number, half: number, index: number): number =>
  index < half ? view.getUint8(at + index) & 15 : view.getUint8(at + index - half) >> 4

/**
 * The supported block types of GGUF. d and m are 16-bit numbers, q is a weight's code.
 *
 * - `Q8_0`: d · q, q of 8 bits with a sign
 * - `Q4_0`: d · (q - 8)
 * - `Q4_1`: d · q + m
 * - `Q4_K`: d · scale · q - m · min, with six bits of scale and min for each 32 weights
 * - `Q6_K`: d · scale · (q - 32), with eight bits of scale for each 16 weights
 *
 * @see llama.cpp ggml/src/ggml-quants.c
 */
export const blocks = {
  Q8_0: {
    size: 32,
    bytes: 34,
    widen(view, at, values, to) {
      const d = halfAt(view, at)
      for (let i = 0; i < 32; i++) values[to + i] = d * view.getInt8(at + 2 + i)
    },
  },
  Q4_0: {
    size: 32,
    bytes: 18,
    widen(view, at, values, to) {
      const d = halfAt(view, at)
      for (let i = 0; i < 16; i++) {
        const byte = view.getUint8(at + 2 + i)
        values[to + i] = d * ((byte & 15) - 8)
        values[to + 16 + i] = d * ((byte >> 4) - 8)
      }
    },
  },
  Q4_1: {
    size: 32,
    bytes: 20,
    widen(view, at, values, to) {
      const [d, m] = [halfAt(view, at), halfAt(view, at + 2)]
      for (let i = 0; i < 16; i++) {
        const byte = view.getUint8(at + 4 + i)
        values[to + i] = d * (byte & 15) + m
        values[to + 16 + i] = d * (byte >> 4) + m
      }
    },
  },
  Q4_K: {
    size: 256,
    bytes: 144,
    widen(view, at, values, to) {
      const [d, m] = [halfAt(view, at), halfAt(view, at + 2)]
      for (let part = 0; part < 8; part++) {
        const [scale, min] = scaleAndMin(view, at + 4, part)
        // Two parts share 32 bytes: the first has the lower halves.
        const codes = at + 16 + 32 * (part >> 1)
        const shift = part % 2 === 0 ? 0 : 4
        // Rounds each factor to fp32, like the `gguf` package.
        const [factor, offset] = [Math.fround(d * scale), Math.fround(m * min)]
        for (let i = 0; i < 32; i++)
          values[to + 32 * part + i] = Math.fround(factor * ((view.getUint8(codes + i) >> shift) & 15)) - offset
      }
    },
  },
  Q6_K: {
    size: 256,
    bytes: 210,
    widen(view, at, values, to) {
      const d = halfAt(view, at + 208)
      for (let i = 0; i < 256; i++)
        values[to + i] = Math.fround(d * view.getInt8(at + 192 + (i >> 4))) * (sixBits(view, at, i) - 32)
    },
  },
} as const satisfies Readonly<Record<string, Block>>

export type BlockType = keyof typeof blocks

/** The code of weight i of a Q6_K block: four bits in the first 128 bytes, two in the next 64. */
export function sixBits(view: DataView, at: number, i: number): number {
  const [half, quarter, within] = [i >> 7, (i >> 5) & 3, i & 31]
  const low = nibble(view, at + 64 * half + 32 * (quarter & 1), 32, within + (quarter >= 2 ? 32 : 0))
  const high = (view.getUint8(at + 128 + 32 * half + within) >> (2 * quarter)) & 3
  return low | (high << 4)
}

export const isBlockType = (type: string): type is BlockType => Object.hasOwn(blocks, type)

/** Converts rows of blocks to fp32. */
export function widenBlocks(data: Uint8Array, type: BlockType): Float32Array {
  const { size, bytes, widen } = blocks[type]
  const count = data.length / bytes
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  const values = new Float32Array(count * size)
  for (let block = 0; block < count; block++) widen(view, block * bytes, values, block * size)
  return values
}
