import { quantile } from './pairedBootstrap.js'
import { poissonWeights } from './poissonWeights.js'
import type { Estimate } from './wilson.js'

/** Duration of a reply and its number of tokens. */
export type Timed = Readonly<{ id: string; durationMs: number; tokens: number }>

const DRAWS = 1000

/** Milliseconds per token over all replies. */
const msPerToken = (replies: readonly Timed[], weights?: (index: number) => number): number => {
  let [time, tokens] = [0, 0]
  replies.forEach((reply, index) => {
    const weight = weights?.(index) ?? 1
    time += weight * reply.durationMs
    tokens += weight * reply.tokens
  })
  return time / tokens
}

/**
 * Compares the time per token of two decoders on the same prompts. Gives the ratio of the second to the first with its 95% interval, by a
 * Poisson bootstrap over the prompts; undefined if no prompt has both.
 */
export function generationCost(first: readonly Timed[], second: readonly Timed[], seed: number) {
  const others = new Map(second.map((reply) => [reply.id, reply]))
  const pairs = first.flatMap((reply) => {
    const other = others.get(reply.id)
    return other && reply.tokens > 0 && other.tokens > 0 ? [[reply, other] as const] : []
  })
  if (pairs.length === 0) return undefined
  const [as, bs] = [pairs.map(([a]) => a), pairs.map(([, b]) => b)]
  const weights = as.map(({ id }) => {
    const own = new Uint8Array(DRAWS)
    poissonWeights(seed, id, own)
    return own
  })
  const drawn = Float64Array.from({ length: DRAWS }, (_, draw) => {
    const weight = (index: number) => weights[index]![draw]!
    return msPerToken(bs, weight) / msPerToken(as, weight)
  })
  const ratios = drawn.filter(Number.isFinite).sort()
  const [ofFirst, ofSecond] = [msPerToken(as), msPerToken(bs)]
  const ratio: Estimate = { value: ofSecond / ofFirst, low: quantile(ratios, 0.025), high: quantile(ratios, 0.975) }
  return { prompts: pairs.length, first: ofFirst, second: ofSecond, ratio }
}
