const bits = new Uint32Array(1)
const value = new Float32Array(bits.buffer)

/** An IEEE half-precision number of 16 bits as a number. */
export function fromHalf(half: number): number {
  const exponent = half & 0x7c00
  const fraction = half & 0x3ff
  if (exponent === 0) return (half & 0x8000 ? -1 : 1) * fraction * 2 ** -24
  // The exponent's bias is 15 here and 127 in fp32. That of infinity and NaN is all ones in both.
  const shifted = exponent === 0x7c00 ? 0x7f800000 : (exponent << 13) + (112 << 23)
  bits[0] = ((half & 0x8000) << 16) | shifted | (fraction << 13)
  return value[0]!
}
