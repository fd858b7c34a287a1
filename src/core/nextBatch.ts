/** Calls that may go at most, and how many new tokens of a prompt each brings (none: a step of a running sequence). */
export type BatchLimits<T> = Readonly<{ maxBatch: number; promptTokens?: (call: T) => number }>

/** From so many running sequences on, the tokens of prompts that go with them are limited, to so many a running sequence. */
const RUNNING = 8
const PROMPT_TOKENS_EACH = 16

/**
 * Which of the waiting calls go next, and which go on waiting: first come, first served, up to `maxBatch`. Prompts that arrive while
 * others run go a piece at a time, so that a step of those takes about twice as long at most; one piece goes in any case.
 */
export function nextBatch<T>(
  waiting: readonly T[],
  { maxBatch, promptTokens = () => 0 }: BatchLimits<T>,
): Readonly<{ batch: readonly T[]; rest: readonly T[] }> {
  const running = waiting.filter((call) => promptTokens(call) === 0).length
  let left = running < RUNNING ? Number.POSITIVE_INFINITY : running * PROMPT_TOKENS_EACH
  let first = true
  const batch: T[] = []
  const rest: T[] = []
  for (const call of waiting) {
    const tokens = promptTokens(call)
    const fits = batch.length < maxBatch && (tokens === 0 || tokens <= left || first)
    if (fits) batch.push(call)
    else rest.push(call)
    if (!fits || tokens === 0) continue
    left -= tokens
    first = false
  }
  return { batch, rest }
}
