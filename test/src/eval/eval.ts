import { readFileSync } from 'node:fs'

/** What numpy and transformers computed: test/reference/eval_metrics.py. */
export type EvalGolden = Readonly<{
  replies: readonly Readonly<{ tokenIds: number[]; diversity: number }>[]
  cosines: readonly Readonly<{ a: number[]; b: number[]; cosine: number }>[]
  wilson: readonly Readonly<{ successes: number; n: number; interval: [number, number] }>[]
  bootstrap: Readonly<{ a: number[]; b: number[]; value: number; low: number; high: number }>
  perplexity: Readonly<{
    replies: readonly Readonly<{ prompt: string; promptTokenIds: number[]; tokenIds: number[]; loss: number }>[]
    value: number
  }>
}>

export const evalGolden = JSON.parse(readFileSync(new URL('expected.json', import.meta.url), 'utf8')) as EvalGolden

/** A seeded generator for simulations: the same numbers in every run, none of the product's own. */
export function seeded(seed: number): Readonly<{ uniform: () => number; normal: () => number }> {
  let state = seed >>> 0
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
  return { uniform, normal }
}
