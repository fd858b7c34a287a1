import { open } from 'node:fs/promises'
import { ModelError } from '../../../core/errors.js'
import { type BlockType, isBlockType, widenBlocks } from '../gguf/blocks.js'
import { fromHalf } from './half.js'

export const FLOAT_TYPES = ['F32', 'F16', 'BF16'] as const

/** Types of weights that lie in a file one by one. */
export type Dtype = (typeof FLOAT_TYPES)[number]

/** Where a weight lies: real path of its file, byte offset from the start of that file, and length in bytes. */
export type StoredTensor = Readonly<{
  file: string
  dtype: Dtype | BlockType
  shape: readonly number[]
  begin: number
  length: number
}>

/** The product of two low-rank matrices: `scale · b · a`, b [rows, rank] and a [rank, columns]; `transposed` turns it round. */
export type LowRankUpdate = Readonly<{ a: StoredTensor; b: StoredTensor; scale: number; transposed: boolean }>

/** How the values of a tensor follow from those that are stored, in this order. */
export type Recipe = Readonly<{
  /** Heads whose rows lie as GGUF has them for Llama: both halves of a head take turns. */
  interleavedHeads?: number
  /** Whether the file has rows for columns. */
  transposed?: true
  /** Added to each value. */
  plus?: number
  /** Added to the matrix. */
  updates?: readonly LowRankUpdate[]
}>

/** A weight of a model, which is what its file holds unless there is a `recipe`. */
export type Tensor = StoredTensor & Readonly<{ recipe?: Recipe }>

/** Whether the file holds the values themselves, one by one. */
export const isPlain = (tensor: Tensor): tensor is Tensor & Readonly<{ dtype: Dtype }> =>
  tensor.recipe === undefined && !isBlockType(tensor.dtype)

/** @throws ModelError when the file is shorter than it was */
export async function readBytes({ file, begin, length }: StoredTensor): Promise<Uint8Array> {
  const handle = await open(file)
  try {
    const data = new Uint8Array(length)
    for (let done = 0; done < length; ) {
      const { bytesRead } = await handle.read(data, done, length - done, begin + done)
      if (bytesRead === 0) throw new ModelError(`Expected ${length} bytes at ${begin} of ${file}, got ${done}`)
      done += bytesRead
    }
    return data
  } finally {
    await handle.close()
  }
}

/** All values of a tensor as fp32, row by row, its recipe applied. */
export async function readValues(tensor: Tensor): Promise<Float32Array> {
  const { shape, recipe } = tensor
  const columns = shape.at(-1) ?? 1
  const { interleavedHeads, transposed, plus, updates = [] } = recipe ?? {}
  let values = await readStored(tensor)
  if (interleavedHeads !== undefined) values = separateHalves(values, shape.length === 1 ? 1 : columns, interleavedHeads)
  if (transposed) values = transpose(values, shape[0]!)
  if (plus !== undefined) for (let i = 0; i < values.length; i++) values[i]! += plus
  for (const update of updates) await addUpdate(values, update)
  return values
}

async function readStored(tensor: StoredTensor): Promise<Float32Array> {
  const { dtype } = tensor
  const data = await readBytes(tensor)
  return isBlockType(dtype) ? widenBlocks(data, dtype) : widen(data, dtype)
}

/** A matrix of that many columns with rows and columns changed. */
export function transpose(values: Float32Array, columns: number): Float32Array {
  const rows = values.length / columns
  const changed = new Float32Array(values.length)
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) changed[column * rows + row] = values[row * columns + column]!
  return changed
}

/** For each row of a model the row that GGUF has it in: of a head, row `2i + half` holds what belongs into row `half · width + i`. */
export function interleavedRow(row: number, rowsPerHead: number): number {
  const within = row % rowsPerHead
  const [half, i] = within < rowsPerHead / 2 ? [0, within] : [1, within - rowsPerHead / 2]
  return row - within + 2 * i + half
}

function separateHalves(values: Float32Array, columns: number, heads: number): Float32Array {
  const rows = values.length / columns
  const separate = new Float32Array(values.length)
  for (let row = 0; row < rows; row++) {
    const from = interleavedRow(row, rows / heads) * columns
    separate.set(values.subarray(from, from + columns), row * columns)
  }
  return separate
}

async function addUpdate(values: Float32Array, { a, b, scale, transposed }: LowRankUpdate): Promise<void> {
  const [rows, rank] = b.shape as [number, number]
  const columns = a.shape[1]!
  const [down, up] = [await readStored(a), await readStored(b)]
  const sum = new Float64Array(columns)
  for (let row = 0; row < rows; row++) {
    sum.fill(0)
    for (let r = 0; r < rank; r++) {
      const factor = up[row * rank + r]! * scale
      const begin = r * columns
      for (let column = 0; column < columns; column++) sum[column]! += factor * down[begin + column]!
    }
    if (transposed) for (let column = 0; column < columns; column++) values[column * rows + row]! += sum[column]!
    else for (let column = 0; column < columns; column++) values[row * columns + column]! += sum[column]!
  }
}

/** Little-endian F32, F16 or BF16 as fp32. */
function widen(data: Uint8Array, dtype: Dtype): Float32Array {
  const view = new DataView(data.buffer)
  if (dtype === 'F32') return Float32Array.from({ length: data.length / 4 }, (_, i) => view.getFloat32(4 * i, true))
  const values = new Float32Array(data.length / 2)
  const bits = new Uint32Array(values.buffer)
  for (let i = 0; i < values.length; i++) {
    const half = view.getUint16(2 * i, true)
    if (dtype === 'BF16') bits[i] = half << 16
    else values[i] = fromHalf(half)
  }
  return values
}
