import type { OnnxHeader } from './readOnnxHeader.js'

/**
 * Standard operators that were not found to give each row the same bits in any batch: activations quantised for the whole tensor at once
 * mix rows (tried: logits off by 0.02 to 0.08), fused attention was not tried.
 */
const NOT_KNOWN = /^:(Dynamic|QLinear|Quantize|Dequantize|MatMulInteger|ConvInteger|Attention|RotaryEmbedding|RMSNormalization)/

/** The runtime's own operators that were found to. Weights in blocks are another matter. */
const BLOCKS = 'com.microsoft:MatMulNBits'
const KNOWN = ['GroupQueryAttention', 'SkipSimplifiedLayerNormalization'].map((name) => `com.microsoft:${name}`)

/**
 * Whether a graph of these operators gives a row the same bits alone and in any batch of equal lengths. Tried on exports of optimum
 * (fp32, fp16, weights in 4-bit blocks) and on fused graphs with 1 to 6 rows of 1 to 100 tokens. With 4-bit blocks only where products
 * are of 8-bit inputs (accuracy level 4): the others have a kernel of its own for one row of one token, which rounds otherwise (1e-6).
 */
export const keepsRowsApart = (operators: OnnxHeader['operators']): boolean =>
  operators.every(({ name, accuracyLevel }) => {
    if (name === BLOCKS) return accuracyLevel === 4
    return KNOWN.includes(name) || (name.startsWith(':') && !NOT_KNOWN.test(name))
  })

/**
 * Whether a graph of these operators needs an even number of rows for that, where each has one token (see `needsEvenRows` of
 * graph/quantize.ts).
 */
export const needsEvenBatch = (operators: OnnxHeader['operators']): boolean =>
  operators.some(({ name, bits = 4 }) => name === BLOCKS && bits !== 8)
