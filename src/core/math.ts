import { ShapeError } from './errors.js'

/** `log(sum(exp(values)))`, computed around the largest value so that nothing overflows. */
export function logSumExp(values: ArrayLike<number>): number {
  let largest = Number.NEGATIVE_INFINITY
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, values[i]!)
  if (!Number.isFinite(largest)) return largest
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += Math.exp(values[i]! - largest)
  return largest + Math.log(sum)
}

/** Probabilities of `values / temperature`: Float64[n], sums to 1. */
export function softmax(values: ArrayLike<number>, temperature = 1): Float64Array {
  // `from` with a function takes many times as long.
  const scaled = new Float64Array(values).map((value) => value / temperature)
  const total = logSumExp(scaled)
  return scaled.map((value) => Math.exp(value - total))
}

/** Entropy in nats of the distribution with these logits. A logit of −∞ adds nothing. */
export function entropy(logits: Float32Array): number {
  const total = logSumExp(logits)
  let sum = 0
  for (const logit of logits) if (logit !== Number.NEGATIVE_INFINITY) sum -= Math.exp(logit - total) * (logit - total)
  return sum
}

/** Standard deviation of n >= 1 values, divided by n. */
export function standardDeviation(values: Float32Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
}

/**
 * Index of the largest value, ties to the first.
 *
 * @throws ShapeError for no values and for one that is not finite
 */
export function argmax(values: ArrayLike<number>): number {
  if (values.length === 0) throw new ShapeError('Expected at least one value to choose from, got none')
  let best = 0
  for (let i = 0; i < values.length; i++) {
    finite(values[i]!, i)
    if (values[i]! > values[best]!) best = i
  }
  return best
}

/**
 * Indices of the `k` largest values, largest first, ties to the lower index: Int32[k]. One pass with a heap of k costs little more than
 * reading the V values. Values of −∞ are forbidden and left out, so there may be fewer than k.
 *
 * @throws ShapeError for fewer than `k` values, for NaN or +∞, and if all values are −∞
 */
export function topIndices(values: ArrayLike<number>, k: number): Int32Array {
  if (values.length < k) throw new ShapeError(`Expected at least ${k} values to take the ${k} largest, got ${values.length}`)
  if (k === values.length && k >= MANY && k <= PLACES && values instanceof Float32Array)
    return dropForbidden(sortIndices(values), values)
  const heap = new Int32Array(k) // the worst of the kept is at the root
  const worse = (a: number, b: number): boolean => values[a]! < values[b]! || (values[a] === values[b] && a > b)
  const sink = (item: number, size: number, from = 0): void => {
    let hole = from
    for (let child = 2 * hole + 1; child < size; child = 2 * hole + 1) {
      if (child + 1 < size && worse(heap[child + 1]!, heap[child]!)) child++
      if (!worse(heap[child]!, item)) break
      heap[hole] = heap[child]!
      hole = child
    }
    heap[hole] = item
  }
  for (let i = 0; i < k; i++) heap[i] = number(values[i]!, i, i)
  for (let i = (k >> 1) - 1; i >= 0; i--) sink(heap[i]!, k, i)
  let bar = values[heap[0]!]!
  for (let i = k; i < values.length; i++) {
    const value = values[i]!
    if (value > bar) {
      number(value, i)
      sink(i, k)
      bar = values[heap[0]!]!
    } else if (!(value <= bar)) number(value, i) // NaN is neither
  }
  for (let end = k - 1; end > 0; end--) {
    const worst = heap[0]!
    sink(heap[end]!, end)
    heap[end] = worst
  }
  return dropForbidden(heap, values)
}

/** Leaves out forbidden values, which are the last. */
function dropForbidden(indices: Int32Array, values: ArrayLike<number>): Int32Array {
  const count = indices.findLastIndex((index) => values[index] !== Number.NEGATIVE_INFINITY) + 1
  if (count === 0 && indices.length > 0) throw new ShapeError('Expected a value that may be chosen, got −∞ only')
  return count === indices.length ? indices : indices.slice(0, count)
}

/** Fewest values of `sortIndices`: for few of them the heap takes less time. */
const MANY = 512
/** Most values of `sortIndices`, so that a key is a whole number below 2^53. */
const PLACES = 2 ** 20

/**
 * Sorts all indices at about half of the heap's cost: by keys that order by value and then by index, which need no comparing function. Without its
 * sign, the bits of a float are an integer that orders like its absolute value.
 */
function sortIndices(values: Float32Array): Int32Array {
  const bits = new Int32Array(values.slice().buffer)
  const keys = new Float64Array(values.length)
  for (let i = 0; i < keys.length; i++) {
    number(values[i]!, i)
    const size = bits[i]! & 0x7fff_ffff
    keys[i] = (bits[i]! < 0 ? size : -size) * PLACES + i
  }
  keys.sort()
  const indices = new Int32Array(keys.length)
  for (let i = 0; i < indices.length; i++) indices[i] = keys[i]! - Math.floor(keys[i]! / PLACES) * PLACES
  return indices
}

/** Returns `give` (default: the value) if the value is finite or −∞. */
function number(value: number, index: number, give = value): number {
  return value === Number.NEGATIVE_INFINITY ? give : finite(value, index, give)
}

/** Returns `give` (default: the value) if the value is finite. */
function finite(value: number, index: number, give = value): number {
  if (value - value !== 0) throw new ShapeError(`Expected finite values, got ${value} at index ${index}`)
  return give
}

/**
 * Highest cosine of each of `vectors` with one of `others`; 0 with a vector of zeros. All are Float32[n]; `others` has at least one.
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

/** Cosine of two vectors of the same size; 0 if one is all zeros. */
export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [product, ofA, ofB] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    product += a[i]! * b[i]!
    ofA += a[i]! * a[i]!
    ofB += b[i]! * b[i]!
  }
  return ofA === 0 || ofB === 0 ? 0 : product / Math.sqrt(ofA * ofB)
}
