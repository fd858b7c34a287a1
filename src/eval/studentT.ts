/**
 * Probability that Student's t of `freedom` degrees of freedom is above `t`, by the finite series for whole degrees.
 *
 * @see Handbook of Mathematical Functions (Abramowitz and Stegun, 1964), 26.7.3 and 26.7.4
 */
export function upperTailOfT(t: number, freedom: number): number {
  if (t < 0) return 1 - upperTailOfT(-t, freedom)
  const angle = Math.atan(t / Math.sqrt(freedom))
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)]
  const isOdd = freedom % 2 === 1
  let [term, sum] = isOdd ? [cosine, freedom > 1 ? cosine : 0] : [1, 1]
  for (let at = isOdd ? 2 : 1; at <= freedom - 3; at += 2) {
    term *= (at / (at + 1)) * cosine * cosine
    sum += term
  }
  const within = isOdd ? (2 / Math.PI) * (angle + sine * sum) : sine * sum
  return Math.max(0, (1 - within) / 2)
}
