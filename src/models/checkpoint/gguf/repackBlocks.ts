import { fromHalf } from '../weights/half.js'
import { interleavedRow, readBytes, type Tensor } from '../weights/storedTensor.js'
import { type BlockType, blocks, isBlockType, scaleAndMin, sixBits } from './blocks.js'

/**
 * Blocks of the runtime's MatMulNBits: a weight is `scale · (code - 2^(bits-1))`, and `size` weights share a scale. Types with a minimum per block
 * also need `offsets`, which are added to each weight of a block.
 */
export type BlockLayout = Readonly<{ bits: 4 | 8; size: 16 | 32; offsets: boolean }>

const layouts: Readonly<Record<BlockType, BlockLayout>> = {
  Q8_0: { bits: 8, size: 32, offsets: false },
  Q4_0: { bits: 4, size: 32, offsets: false },
  Q4_1: { bits: 4, size: 32, offsets: true },
  Q4_K: { bits: 4, size: 32, offsets: true },
  Q6_K: { bits: 8, size: 16, offsets: false },
}

/**
 * The layout of a matrix if the runtime can use the file's own blocks; undefined if they must be widened. Rows may change places, because a block lies
 * within one row.
 *
 * @param transposed whether the graph transposes the matrix
 */
export function blockLayout({ dtype, recipe = {} }: Tensor, transposed: boolean): BlockLayout | undefined {
  const isChanged = recipe.plus !== undefined || (recipe.updates ?? []).length > 0
  return isBlockType(dtype) && !isChanged && (recipe.transposed ?? false) === transposed ? layouts[dtype] : undefined
}

/** `packed` uint8 [rows, blocks, bytes per block], `scales` and `offsets` float [rows, blocks]. */
export type RepackedBlocks = Readonly<{ packed: Uint8Array; scales: Float32Array; offsets?: Float32Array }>

type Target = Readonly<{ packed: Uint8Array; scales: Float32Array; offsets: Float32Array }>
/** Repacks the file's block at `at` into the blocks from `to` on. */
type Repack = (view: DataView, at: number, target: Target, to: number) => void

/** Two codes share a byte, the first in the lower half. */
const packPairs = (packed: Uint8Array, begin: number, code: (index: number) => number): void => {
  for (let i = 0; i < 16; i++) packed[begin + i] = code(2 * i) | (code(2 * i + 1) << 4)
}

const halves = (view: DataView, at: number) => (index: number) =>
  index < 16 ? view.getUint8(at + index) & 15 : view.getUint8(at + index - 16) >> 4

/** All these products are exact in fp32: 11 bits of a half-precision number times at most 8 of a scale. */
const repacks: Readonly<Record<BlockType, Repack>> = {
  Q8_0(view, at, { packed, scales }, to) {
    scales[to] = fromHalf(view.getUint16(at, true))
    for (let i = 0; i < 32; i++) packed[32 * to + i] = view.getInt8(at + 2 + i) + 128
  },
  Q4_0(view, at, { packed, scales }, to) {
    scales[to] = fromHalf(view.getUint16(at, true))
    packPairs(packed, 16 * to, halves(view, at + 2))
  },
  Q4_1(view, at, { packed, scales, offsets }, to) {
    const scale = fromHalf(view.getUint16(at, true))
    scales[to] = scale
    offsets[to] = fromHalf(view.getUint16(at + 2, true)) + 8 * scale
    packPairs(packed, 16 * to, halves(view, at + 4))
  },
  Q4_K(view, at, { packed, scales, offsets }, to) {
    const [d, m] = [fromHalf(view.getUint16(at, true)), fromHalf(view.getUint16(at + 2, true))]
    for (let part = 0; part < 8; part++) {
      const [scale, min] = scaleAndMin(view, at + 4, part)
      scales[to + part] = d * scale
      offsets[to + part] = 8 * d * scale - m * min
      const [codes, shift] = [at + 16 + 32 * (part >> 1), part % 2 === 0 ? 0 : 4]
      packPairs(packed, 16 * (to + part), (index) => (view.getUint8(codes + index) >> shift) & 15)
    }
  },
  Q6_K(view, at, { packed, scales }, to) {
    const d = fromHalf(view.getUint16(at + 208, true))
    for (let part = 0; part < 16; part++) scales[to + part] = d * view.getInt8(at + 192 + part)
    for (let i = 0; i < 256; i++) packed[16 * to + i] = sixBits(view, at, i) - 32 + 128
  },
}

/** Reads a matrix with a `blockLayout` in blocks. */
export async function readBlocks(tensor: Tensor & Readonly<{ dtype: BlockType }>): Promise<RepackedBlocks> {
  const { dtype, recipe, length } = tensor
  const { size, bytes } = blocks[dtype]
  const { bits, size: shared, offsets: hasOffsets } = layouts[dtype]
  const data = await readBytes(tensor)
  const view = new DataView(data.buffer)
  const count = (length / bytes) * (size / shared)
  const target = {
    packed: new Uint8Array((count * shared * bits) / 8),
    scales: new Float32Array(count),
    offsets: new Float32Array(hasOffsets ? count : 0),
  }
  const rows = recipe?.transposed ? tensor.shape[1]! : tensor.shape[0]!
  const perRow = length / bytes / rows
  const heads = recipe?.interleavedHeads
  for (let row = 0; row < rows; row++) {
    const from = heads === undefined ? row : interleavedRow(row, rows / heads)
    for (let block = 0; block < perRow; block++)
      repacks[dtype](view, (from * perRow + block) * bytes, target, (row * perRow + block) * (size / shared))
  }
  const { packed, scales, offsets } = target
  return { packed, scales, ...(hasOffsets && { offsets }) }
}
