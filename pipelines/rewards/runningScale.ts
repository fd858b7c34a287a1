import type { Sequence } from '../../src/core/sequence.js'

/** Mean and standard deviation of scores; `scale` is 1 if all are equal. */
export type Scale = Readonly<{ mean: number; scale: number }>

type Sums = { count: number; sum: number; squares: number }
type Held = { past: Sums; step: number; scores: Map<number, number> }

const add = (sums: Sums, scores: Iterable<number>): Sums => {
  let { count, sum, squares } = sums
  for (const score of scores) {
    count++
    sum += score
    squares += score * score
  }
  return { count, sum, squares }
}

function scaleOf({ count, sum, squares }: Sums): Scale {
  const mean = sum / count
  const scale = Math.sqrt(Math.max(0, squares / count - mean * mean))
  // Rounding leaves a small deviation of equal scores.
  return { mean, scale: scale > 1e-6 * Math.max(1, Math.abs(mean)) ? scale : 1 }
}

/**
 * Returns mean and scale of a sequence's scores in earlier steps; in the first step, of that step. Scores are stored by step and
 * candidate, so a step scored in parts or twice counts once. It keeps a few numbers per sequence.
 */
export function runningScale(): (sequence: Sequence, candidateIds: Int32Array, scores: Float32Array) => Scale {
  const none: Sums = { count: 0, sum: 0, squares: 0 }
  const sequences = new WeakMap<object, Held>()

  return ({ key, tokenIds }, candidateIds, scores) => {
    const step = tokenIds.length
    const found = sequences.get(key)
    // A shorter sequence under the same key is another one.
    const entry = found && found.step <= step ? found : { past: none, step, scores: new Map<number, number>() }
    if (entry.step < step) {
      entry.past = add(entry.past, entry.scores.values())
      entry.step = step
      entry.scores = new Map()
    }
    sequences.set(key, entry)
    candidateIds.forEach((id, index) => {
      entry.scores.set(id, scores[index]!)
    })
    return scaleOf(entry.past.count > 0 ? entry.past : add(none, entry.scores.values()))
  }
}
