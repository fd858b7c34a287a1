export type TimeLeft = Readonly<{
  /** Rows left, including unfinished ones. */
  rows: number
  /** Finished rows, and milliseconds since the first one started. */
  made: number
  elapsed: number
  /** Tokens decoded so far, including those of unfinished rows, and the maximum per row. */
  tokens: number
  maxTokens: number | undefined
  /** Tokens of each unfinished row. */
  running: Iterable<number>
}>

/**
 * Estimates the milliseconds that a run still needs. It counts tokens, because with many prompts at once the first rows end late. The
 * estimate of tokens per row is all tokens decoded so far over finished rows, at most `maxTokens`. It includes tokens of unfinished rows,
 * because short replies end first.
 *
 * @returns undefined if nothing is known yet
 */
export function timeLeft({ rows, made, elapsed, tokens, maxTokens, running }: TimeLeft): number | undefined {
  if (rows <= 0 || elapsed <= 0) return undefined
  if (maxTokens === undefined || tokens === 0) return made === 0 ? undefined : (elapsed / made) * rows
  const under = [...running]
  // So far the time went into reading the prompts.
  if (made === 0 && tokens < 2 * under.length) return undefined
  const mean = made === 0 ? maxTokens : Math.min(maxTokens, tokens / made)
  const ofRunning = under.reduce((sum, own) => sum + Math.max(0, Math.min(mean, maxTokens - own)), 0)
  return ((ofRunning + Math.max(0, rows - under.length) * mean) * elapsed) / tokens
}
