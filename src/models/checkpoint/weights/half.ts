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

/** Numbers as IEEE half-precision numbers of 16 bits, rounded to the nearest, in the middle to the even one. Those beyond 65,504 become infinite. */
export function toHalves(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length)
  return Uint16Array.from(words, (word) => {
    const sign = (word >>> 16) & 0x8000
    const magnitude = word & 0x7fffffff
    if (magnitude > 0x7f800000) return sign | 0x7e00
    // From 65,520 on the nearest half is infinite.
    if (magnitude >= 0x477ff000) return sign | 0x7c00
    // Below 2^-14 halves lie 2^-24 apart.
    if (magnitude < 0x38800000) {
      bits[0] = magnitude
      return sign | toEven(value[0]! * 2 ** 24)
    }
    // The exponent's bias is 127 there and 15 here. A carry out of the fraction is right in the exponent.
    return sign | toEven((magnitude - (112 << 23)) / 2 ** 13)
  })
}

function toEven(number: number): number {
  const below = Math.floor(number)
  const rest = number - below
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below
}
