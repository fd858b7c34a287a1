/** Precision of the weights of linear layers: as in the checkpoint (computed in fp32), or 8 or 4 bits with a scale per block. */
export const weightDtypes = ['fp32', 'fp16', 'q8', 'q4'] as const
export type WeightDtype = (typeof weightDtypes)[number]

export const isQuantized = (dtype: WeightDtype): boolean => dtype === 'q8' || dtype === 'q4'

/**
 * Whether products with these matrices need an even number of rows. The runtime has a separate kernel for a single row of 4-bit weights on CPUs
 * with AVX2 and no AVX-512, and it sums in another order. A single row also remains when the runtime cuts more than 128 rows into parts of 128
 * for several threads. An even number leaves no single row, so a row has the same bits beside any others.
 *
 * @see onnxruntime mlas/lib/sqnbitgemm_kernel_avx2.cpp `SQ4BitGemmKernel_BlkSum_CompInt8_avx2`; kernels of AVX-512, of NEON and of 8-bit
 *   weights have no such case
 */
export const needsEvenRows = (matrices: readonly Readonly<{ bits?: 4 | 8 }>[]): boolean => matrices.some(({ bits }) => bits === 4)

/** Number of weights along the input that share a scale. */
export const BLOCK = 32

/** A matrix in the layout of the runtime's MatMulNBits: uint8 [rows, blocks, bytes a block] and float [rows · blocks]. */
export type Quantized = Readonly<{ packed: Uint8Array; scales: Float32Array }>

/**
 * Rounds rows of weights to 2^bits evenly spaced values per block of 32: `scale · (code - 2^(bits-1))`. The scale puts the block's largest
 * magnitude on the lowest code, because that reaches one step further than the highest. Two 4-bit codes share a byte, the first in the lower
 * half.
 *
 * @param weights float [rows, width], width a multiple of 32; all finite
 */
export function quantize(weights: Float32Array, bits: 4 | 8): Quantized {
  const blocks = weights.length / BLOCK
  const middle = 2 ** (bits - 1)
  const scales = new Float32Array(blocks)
  const packed = new Uint8Array((weights.length * bits) / 8)
  for (let block = 0; block < blocks; block++) {
    const begin = block * BLOCK
    let extreme = 0
    for (let i = begin; i < begin + BLOCK; i++) if (Math.abs(weights[i]!) > Math.abs(extreme)) extreme = weights[i]!
    const scale = extreme === 0 ? 0 : Math.fround(extreme / -middle)
    scales[block] = scale
    const inverse = scale === 0 ? 0 : 1 / scale
    for (let i = begin; i < begin + BLOCK; i++) {
      const code = Math.min(2 * middle - 1, Math.max(0, Math.round(weights[i]! * inverse) + middle))
      if (bits === 8) packed[i] = code
      else packed[i >> 1]! |= i % 2 === 0 ? code : code << 4
    }
  }
  return { packed, scales }
}
