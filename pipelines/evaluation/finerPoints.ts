import { type SweepPoint, sweepPoints } from './sweep.js'

/** Weights keep this many digits, so that a command with one is readable. */
const DIGITS = 4
/** How far beyond the edge of a grid the next value lies, away from 0 and towards it. */
const [BEYOND, WITHIN] = [1.5, 0.5]

type Middle = (value: number, neighbour: number) => number

/** The values halfway to both neighbours of `best` in a grid. At its edge, the next value lies beyond it. A grid of one value is left alone. */
function near(grid: readonly number[], best: number, middle: Middle): number[] {
  const sorted = [...new Set(grid)].sort((a, b) => a - b)
  if (sorted.length < 2) return []
  const at = sorted.indexOf(best)
  const [below, above] = [sorted[at - 1], sorted[at + 1]]
  return [
    below === undefined ? best * (best > 0 ? WITHIN : BEYOND) : middle(best, below),
    above === undefined ? best * (best > 0 ? BEYOND : WITHIN) : middle(best, above),
  ]
}

/**
 * The finer grid around the best point of a grid: weights halfway to its neighbours with its k, and numbers of candidates halfway (by their
 * ratio) with its weight. A flag with one value is not varied.
 */
export function finerPoints(
  { k, weight }: Pick<SweepPoint, 'k' | 'weight'>,
  ks: readonly number[],
  weights: readonly number[],
): SweepPoint[] {
  const nearWeights = near(weights, weight, (a, b) => (a + b) / 2).map((value) => Number(value.toPrecision(DIGITS)))
  const nearKs = near(ks, k, (a, b) => Math.sqrt(a * b)).map((value) => Math.max(1, Math.round(value)))
  const isNew = (one: SweepPoint): boolean => !(ks.includes(one.k) && weights.includes(one.weight))
  return [...sweepPoints([k], nearWeights), ...sweepPoints(nearKs, [weight])].filter(isNew)
}
