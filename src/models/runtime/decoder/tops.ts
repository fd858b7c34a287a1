import type { RunRequest } from './memory.js'
import { allFinite } from './reading.js'

// Not in `topTokens.ts`: the thread of a model must not load what writes graphs. The more V8 keeps there, the more often it looks for garbage.

/** Most top tokens that the graph finds. The host finds more. */
const MOST_TOP = 128

/** `values` of a run's reads: `width` numbers each. With `tokenIds`: the top logits of each read and their tokens. */
export type Read = Readonly<{ values: Float32Array; width: number; tokenIds?: Int32Array; finite?: Float32Array }>

/** How many top logits the graph finds, and whether they are all that is asked for. */
export type TopRequest = Readonly<{ count: number; areEnough: boolean }>

export function topRequestOf({ output: { name, width }, top = 0 }: RunRequest): TopRequest {
  const areEnough = name === 'logits' && top <= MOST_TOP
  return { areEnough, count: areEnough ? Math.max(1, Math.min(top, width)) : 1 }
}

/** Reads the output `tops` (topTokens.ts): H rows of K values, K tokens and a sum that is finite if all logits of the row are. */
export function unpackTops(tops: Float32Array, H: number, K: number): Read {
  const found = { width: K, values: new Float32Array(H * K), tokenIds: new Int32Array(H * K), finite: new Float32Array(H) }
  for (let row = 0; row < H; row++) {
    const begin = row * (2 * K + 1)
    found.values.set(tops.subarray(begin, begin + K), row * K)
    found.tokenIds.set(tops.subarray(begin + K, begin + 2 * K), row * K)
    found.finite[row] = tops[begin + 2 * K]!
  }
  return found
}

/** The values of `count` reads from the read `first` on, as views. If a logit is not finite, all of their top logits are NaN. */
export function valuesAt({ values, width, tokenIds, finite }: Read, first: number, count: number) {
  const [begin, end] = [first * width, (first + count) * width]
  const own = values.subarray(begin, end)
  const sound = allFinite(own) && (finite === undefined || allFinite(finite.subarray(first, first + count)))
  if (!tokenIds) return { values: own, finite: sound }
  return { values: sound ? own : own.fill(Number.NaN), tokenIds: tokenIds.subarray(begin, end), finite: sound }
}
