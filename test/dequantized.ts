import { BLOCK, type Quantized } from '../src/models/graph/quantize.js'

/** What the codes stand for, read as the runtime's documentation of MatMulNBits says. */
export function dequantized({ packed, scales }: Quantized, bits: 4 | 8): Float32Array {
  return Float32Array.from({ length: scales.length * BLOCK }, (_, i) => {
    const code = bits === 8 ? packed[i]! : (packed[i >> 1]! >> (i % 2 === 0 ? 0 : 4)) & 15
    return (code - 2 ** (bits - 1)) * scales[Math.floor(i / BLOCK)]!
  })
}
