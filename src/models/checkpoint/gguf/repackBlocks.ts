import { interleavedRow, readBytes, type Tensor } from '../weights/storedTensor.js'
import { type BlockType, blockParts, blocks, isBlockType } from './blocks.js'

/**
 * Blocks of the runtime's MatMulNBits: a weight is `scale · (code - 2^(bits-1))`, and `size` weights share a scale. Types with a minimum per block
 * also need `offsets`, which are added to each weight of a block.
 */
export type BlockLayout = Readonly<{ bits: 4 | 8; size: 16 | 32; offsets: boolean }>

/**
 * The layout of a matrix if the runtime can use the file's own blocks; undefined if they must be widened. Rows may change places, because a block lies
 * within one row.
 *
 * @param transposed whether the graph transposes the matrix
 */
export function blockLayout({ dtype, recipe = {} }: Tensor, transposed: boolean): BlockLayout | undefined {
  const isChanged = recipe.plus !== undefined || (recipe.updates ?? []).length > 0
  return isBlockType(dtype) && !isChanged && (recipe.transposed ?? false) === transposed ? layoutOf(dtype) : undefined
}

/** `packed` uint8 [rows, blocks, bytes per block], `scales` and `offsets` float [rows, blocks]. */
export type RepackedBlocks = Readonly<{ packed: Uint8Array; scales: Float32Array; offsets?: Float32Array }>

function layoutOf(dtype: BlockType): BlockLayout {
  const { bits, part, minima = false } = blocks[dtype]
  return { bits, size: part, offsets: minima }
}

/** Two codes share a byte, the first in the lower half. */
function pack(codes: Int8Array, count: number, middle: number, bits: 4 | 8, packed: Uint8Array, to: number): void {
  if (bits === 8) for (let i = 0; i < count; i++) packed[to + i] = codes[i]! + middle
  else for (let i = 0; i < count / 2; i++) packed[to + i] = (codes[2 * i]! + middle) | ((codes[2 * i + 1]! + middle) << 4)
}

/** Reads a matrix with a `blockLayout` in blocks. */
export async function readBlocks(tensor: Tensor & Readonly<{ dtype: BlockType }>): Promise<RepackedBlocks> {
  const { dtype, recipe, length } = tensor
  const { size, bytes, part, bits, unsigned = false, minima: hasOffsets = false, unpack } = blocks[dtype]
  const data = await readBytes(tensor)
  const perBlock = size / part
  const count = (length / bytes) * perBlock
  const packed = new Uint8Array((count * part * bits) / 8)
  const scales = new Float32Array(count)
  const offsets = new Float32Array(hasOffsets ? count : 0)
  // The runtime subtracts the middle from a code. Codes without a sign fill all bits, so their offsets give it back.
  const [middle, shift] = unsigned ? [0, 2 ** (bits - 1)] : [2 ** (bits - 1), 0]
  const parts = blockParts()
  const rows = recipe?.transposed ? tensor.shape[1]! : tensor.shape[0]!
  const perRow = length / bytes / rows
  const heads = recipe?.interleavedHeads
  for (let row = 0; row < rows; row++) {
    const from = heads === undefined ? row : interleavedRow(row, rows / heads)
    for (let block = 0; block < perRow; block++) {
      unpack(data, (from * perRow + block) * bytes, parts)
      const to = row * perRow + block
      pack(parts.codes, size, middle, bits, packed, (to * size * bits) / 8)
      for (let i = 0; i < perBlock; i++) {
        scales[to * perBlock + i] = parts.scales[i]!
        if (hasOffsets) offsets[to * perBlock + i] = shift * parts.scales[i]! - parts.minima[i]!
      }
    }
  }
  return { packed, scales, ...(hasOffsets && { offsets }) }
}
