export type TimeLeft = Readonly<{
  /** Rows to be made, those under way among them. */
  rows: number
  /** Rows made so far, and the milliseconds since the first was begun. */
  made: number
  elapsed: number
  /** Tokens decoded so far, of rows under way as well; `maxTokens` of a row at most. */
  tokens: number
  maxTokens: number | undefined
  /** Tokens of each row under way. */
  running: Iterable<number>
}>

/**
 * Milliseconds that a run still takes, by its tokens: the first rows end late where many are decoded at once, so that rows alone
 * tell nothing for long. A row is taken to have as many tokens as were decoded for each row that ended (those of rows under
 * way counted, so that short replies, which end first, do not mislead), and `maxTokens` at most.
 *
 * @returns undefined where nothing is known yet
 */
export function timeLeft({ rows, made, elapsed, tokens, maxTokens, running }: TimeLeft): number | undefined {
  if (rows <= 0 || elapsed <= 0) return undefined
  if (maxTokens === undefined || tokens === 0) return made === 0 ? undefined : (elapsed / made) * rows
  const mean = made === 0 ? maxTokens : Math.min(maxTokens, tokens / made)
  const under = [...running]
  const ofRunning = under.reduce((sum, own) => sum + Math.max(0, Math.min(mean, maxTokens - own)), 0)
  return ((ofRunning + Math.max(0, rows - under.length) * mean) * elapsed) / tokens
}
