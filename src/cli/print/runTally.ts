import type { RunObserver } from '../../core/observe/observer.js'
import type { RowKey } from '../../core/run.js'
import { type ErrorReasons, errorReasons } from './errorReasons.js'
import { timeLeft } from './timeLeft.js'

/** What a run has done so far. `means` are those of each reward; the first one has the name ''. */
export type TallyFigures = Readonly<{
  /** Finished rows, and rows that the output had before. */
  rows: number
  skipped: number
  /** All rows with those that the output has; undefined if the input does not tell. */
  expected: number | undefined
  tokens: number
  elapsedMs: number
  tokensPerSecond: number | undefined
  means: ReadonlyMap<string, number>
  msLeft: number | undefined
}>

/** Counts what happens in a run. */
export interface RunTally {
  readonly observer: Required<Pick<RunObserver, 'onToken' | 'onRow' | 'onSkip'>>
  readonly errors: ErrorReasons
  /** Number of rows whose prompt lost its first tokens. */
  truncated(): number
  expect(rows: number, maxTokens?: number): void
  /** Starts the clock; a second call changes nothing. */
  begin(): void
  figures(): TallyFigures
}

const nameOf = ({ id, sample }: RowKey): string => `${sample} ${id}`

export function runTally(now: () => number): RunTally {
  let startedAt = now()
  let begun = false
  let expected: number | undefined
  let maxTokens: number | undefined
  let [rows, skipped, tokens, truncated] = [0, 0, 0, 0]
  const errors = errorReasons()
  const running = new Map<string, number>()
  const sums = new Map<string, Readonly<{ sum: number; count: number }>>()

  const average = (name: string, value: number | null): void => {
    if (value === null || !Number.isFinite(value)) return
    const { sum, count } = sums.get(name) ?? { sum: 0, count: 0 }
    sums.set(name, { sum: sum + value, count: count + 1 })
  }
  return {
    errors,
    truncated: () => truncated,
    observer: {
      onToken: ({ key }) => {
        tokens++
        running.set(nameOf(key), (running.get(nameOf(key)) ?? 0) + 1)
      },
      onRow: (row) => {
        const { reward, otherRewards = {}, truncatedTokens = 0 } = row
        rows++
        running.delete(nameOf(row))
        errors.add(row)
        if (truncatedTokens > 0) truncated++
        average('', reward)
        for (const [name, other] of Object.entries(otherRewards)) average(name, other.reward)
      },
      onSkip: () => void skipped++,
    },
    expect(count, most) {
      expected = count
      maxTokens = most
    },
    begin() {
      if (!begun) startedAt = now()
      begun = true
    },
    figures() {
      const elapsedMs = now() - startedAt
      return {
        ...{ rows, skipped, expected, tokens, elapsedMs },
        tokensPerSecond: tokens > 0 && elapsedMs > 0 ? Math.round((tokens * 1000) / elapsedMs) : undefined,
        means: new Map([...sums].map(([name, { sum, count }]) => [name, sum / count])),
        msLeft: timeLeft({
          ...{ rows: expected === undefined ? 0 : expected - rows - skipped, made: rows, elapsed: elapsedMs, tokens, maxTokens },
          running: running.values(),
        }),
      }
    },
  }
}
