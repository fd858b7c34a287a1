/** The ceiling of calls or tokens is reached. */
export class CeilingReached extends Error {
  override readonly name = 'CeilingReached'
}

export type CeilingOptions = Readonly<{
  /** Most requests, including failed ones. */
  maxCalls?: number
  /** Most tokens, as answers report them. */
  maxTokensTotal?: number
  /** Calls and tokens of earlier runs. */
  calls?: number
  tokens?: number
}>

/**
 * Admits calls within the ceilings. Requests are counted exactly. Tokens are known only afterwards, so each running call reserves as many
 * as the largest answer so far, and before the first answer calls run one at a time. The total can exceed its ceiling if an answer is larger
 * than all before it. Failed requests report no tokens.
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
    /** Waits until a call may start. Rejects with CeilingReached. */
    async admit(): Promise<void> {
      while (!admits()) await new Promise<void>((resolve) => waiting.push(resolve))
      calls++
      underWay++
    },
    /** Ends a call; `used`: the tokens that its answer reports. */
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
