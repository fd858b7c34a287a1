/** No further call may be made: what was allowed is spent. */
export class CeilingReached extends Error {
  override readonly name = 'CeilingReached'
}

export type CeilingOptions = Readonly<{
  /** Requests at most, those that fail among them. */
  maxCalls?: number
  /** Tokens at most, as answers report them. */
  maxTokensTotal?: number
  /** Spent before. */
  calls?: number
  tokens?: number
}>

/**
 * Lets calls pass while they are within the ceilings. Requests are counted exactly. Tokens are known only afterwards: as much as the
 * largest answer so far is put aside for every call under way, and until there was one, calls go one at a time; so the sum can
 * exceed its ceiling by what single answers take beyond all before them. What a failed request cost nobody reports.
 */
export function judgeCeiling({ maxCalls = Infinity, maxTokensTotal = Infinity, ...spent }: CeilingOptions) {
  let { calls = 0, tokens = 0 } = spent
  let [underWay, largest] = [0, 0]
  let waiting: (() => void)[] = []

  const admits = (): boolean => {
    if (calls >= maxCalls || tokens >= maxTokensTotal)
      throw new CeilingReached(calls >= maxCalls ? `${maxCalls} calls` : `${maxTokensTotal} tokens`)
    if (maxTokensTotal === Infinity || underWay === 0) {
      if (underWay === 0 && tokens + largest > maxTokensTotal) throw new CeilingReached(`${maxTokensTotal} tokens`)
      return true
    }
    return largest > 0 && tokens + (underWay + 1) * largest <= maxTokensTotal
  }
  return {
    /** Waits for a call's turn. Rejects with CeilingReached. */
    async admit(): Promise<void> {
      while (!admits()) await new Promise<void>((resolve) => waiting.push(resolve))
      calls++
      underWay++
    },
    /** A call is over; `used`: tokens that its answer reports. */
    settle(used = 0): void {
      underWay--
      tokens += used
      largest = Math.max(largest, used)
      const woken = waiting
      waiting = []
      for (const wake of woken) wake()
    },
    get spent(): Readonly<{ calls: number; tokens: number }> {
      return { calls, tokens }
    },
  }
}

export type JudgeCeiling = ReturnType<typeof judgeCeiling>
