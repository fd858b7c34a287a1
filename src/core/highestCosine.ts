/**
 * For each of `vectors` the highest cosine with one of `others`; 0 with a vector of zeros. All are Float32[n], there is at least one other.
 */
export function highestCosine(others: readonly Float32Array[], vectors: readonly Float32Array[]): Float64Array {
  const norms = others.map(norm)
  return Float64Array.from(vectors, (vector) => {
    const own = norm(vector)
    return others.reduce((highest, other, i) => Math.max(highest, dot(vector, other) / (own * norms[i]! || 1)), -1)
  })
}

const norm = (vector: Float32Array): number => Math.sqrt(dot(vector, vector))

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}
