import { hash, philox } from '../core/uniform.js'

const STEPS = 2 ** 16

/** Poisson(1) from a uniform number of 16 bits, by the inverse of its distribution. Each probability is right to 2^-17. */
const quantiles = (() => {
  const table = new Uint8Array(STEPS)
  let [probability, below, count] = [Math.exp(-1), 0, 0]
  for (let step = 0; step < STEPS; step++) {
    while (step + 0.5 > (below + probability) * STEPS) {
      below += probability
      probability /= ++count
    }
    table[step] = count
  }
  return table
})()

/** No decoder draws at this sample, so that the weights are independent of the numbers that sampled a reply. */
const SAMPLE = 0xffffffff

/**
 * Writes into `weights` how often each draw of a bootstrap takes the prompt `id`: independent Poisson(1) numbers, one per draw. They depend on
 * seed and id alone, so that rows may come in any order and need not be kept.
 *
 * Philox at (seed, id) gives the state of a small fast generator (sfc32 of PractRand), which gives the numbers of the draws.
 *
 * @see Estimating uncertainty for massive data streams (Chamandy et al., 2012)
 */
export function poissonWeights(seed: number, id: string, weights: Uint8Array): void {
  const key = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0] as const
  let [a, b, c, count] = philox([hash(id, 0), hash(id, 0x9e3779b9), SAMPLE, 0], key)
  const next = (): number => {
    const word = (((a + b) | 0) + count) | 0
    count = (count + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + word) | 0
    return word
  }
  for (let draw = 0; draw < weights.length; draw += 2) {
    const word = next()
    weights[draw] = quantiles[word & 0xffff]!
    weights[draw + 1] = quantiles[word >>> 16]! // Past the end nothing is written.
  }
}
