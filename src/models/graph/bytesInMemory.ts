import { blockLayout } from '../checkpoint/gguf/repackBlocks.js'
import { isPlain } from '../checkpoint/weights/storedTensor.js'
import { BLOCK } from './quantize.js'
import type { TensorInMemory } from './weights.js'

/** Bytes of a tensor that the runtime gets from memory: values in fp32 or as stored, or codes with a scale, and maybe an offset, for each block. */
export function bytesInMemory(tensor: TensorInMemory): number {
  const { shape, bits, stored, transposed = false, length } = tensor
  const count = shape.reduce((product, side) => product * side, 1)
  if (bits === undefined) return isPlain(tensor) ? length : 4 * count
  const { size, offsets } = (stored ? blockLayout(tensor, transposed) : undefined) ?? { size: BLOCK, offsets: false }
  return count * (bits / 8 + (offsets ? 8 : 4) / size)
}
