import type { Row, RowKey } from '../../core/run.js'
import { errorReasons } from './errorReasons.js'
import { timeLeft } from './timeLeft.js'

/** Time between two plain lines, and between two drawings of the bar. */
const LINE_MS = 5_000
const BAR_MS = 100
const BAR = 24

export type ProgressOptions = Readonly<{
  stream: NodeJS.WritableStream & { isTTY?: boolean; columns?: number }
  now?: () => number
}>

/** Shows the progress of a run. */
export interface Progress {
  /** Sets the number of rows, and the maximum tokens per row if rows are decoded. */
  expect(rows: number, maxTokens?: number): void
  /** Starts the clock, once models are loaded. */
  begin(): void
  row(row: Row): void
  /** Counts a token of an unfinished row. */
  token(key: RowKey): void
  /** Counts a row that the output already has. */
  skip(): void
  /** Prints a line that stays. */
  say(line: string): void
  /** One line per reason of error rows. */
  errors(): readonly string[]
  /** Number of rows whose prompt lost its first tokens. */
  truncated(): number
  /** Draws one last time. */
  end(): void
}

export const seconds = (milliseconds: number): string => {
  const all = Math.round(milliseconds / 1000)
  if (all < 60) return `${all} s`
  const [hours, minutes] = [Math.floor(all / 3600), Math.floor(all / 60) % 60]
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${all % 60} s`
}

/** Starts to show progress on stderr: a bar on a terminal, a plain line every few seconds elsewhere. */
export function startProgress({ stream, now = Date.now }: ProgressOptions): Progress {
  const isTerminal = stream.isTTY === true
  let startedAt = now()
  let begun = false
  let total: number | undefined
  let maxTokens: number | undefined
  let [rows, skipped, tokens, truncated] = [0, 0, 0, 0]
  const errors = errorReasons()
  const running = new Map<string, number>()
  const nameOf = ({ id, sample }: RowKey): string => `${sample} ${id}`
  // The first reward has the name '', the others have their own.
  const means = new Map<string, Readonly<{ sum: number; count: number }>>()
  let drawnAt = now()
  let ended = false

  const average = (name: string, value: number | null): void => {
    if (value === null || !Number.isFinite(value)) return
    const { sum, count } = means.get(name) ?? { sum: 0, count: 0 }
    means.set(name, { sum: sum + value, count: count + 1 })
  }
  const status = (): string => {
    const elapsed = now() - startedAt
    const done = rows + skipped
    const left = timeLeft({
      ...{ rows: total === undefined ? 0 : total - done, made: rows, elapsed, tokens, maxTokens },
      running: running.values(),
    })
    const parts = [
      `${done}${total === undefined ? '' : ` of ${total}`} ${(total ?? done) === 1 ? 'row' : 'rows'}`,
      ...(tokens > 0 && elapsed > 0 ? [`${Math.round((tokens * 1000) / elapsed)} tokens/s`] : []),
      ...[...means].map(([name, { sum, count }]) => `mean ${name === '' ? 'reward' : name} ${(sum / count).toFixed(3)}`),
      ...(left === undefined ? [] : [`${seconds(left)} left`]),
      ...(errors.count > 0 ? [`${errors.count} ${errors.count === 1 ? 'error' : 'errors'} (${errors.brief()})`] : []),
    ]
    return parts.join(', ')
  }
  const draw = () => {
    drawnAt = now()
    if (!isTerminal) return void stream.write(`${status()}\n`)
    const share = total ? Math.min(1, (rows + skipped) / total) : 0
    const bar = total === undefined ? '' : `${'█'.repeat(Math.round(share * BAR))}${'░'.repeat(BAR - Math.round(share * BAR))} `
    stream.write(`\r\u001b[K${`${bar}${status()}`.slice(0, (stream.columns ?? 80) - 1)}`)
  }
  const tick = () => {
    if (!ended && now() - drawnAt >= (isTerminal ? BAR_MS : LINE_MS)) draw()
  }
  const timer = setInterval(tick, isTerminal ? 4 * BAR_MS : LINE_MS)
  timer.unref()

  return {
    expect(count, most) {
      total = count
      maxTokens = most
      tick()
    },
    begin() {
      if (!begun) startedAt = now()
      begun = true
    },
    row(row) {
      const { reward, otherRewards = {}, truncatedTokens = 0 } = row
      rows++
      running.delete(nameOf(row))
      errors.add(row)
      if (truncatedTokens > 0) truncated++
      average('', reward)
      for (const [name, other] of Object.entries(otherRewards)) average(name, other.reward)
      tick()
    },
    token(key) {
      tokens++
      running.set(nameOf(key), (running.get(nameOf(key)) ?? 0) + 1)
      tick()
    },
    skip() {
      skipped++
    },
    say(line) {
      stream.write(`${isTerminal ? '\r\u001b[K' : ''}${line}\n`)
    },
    errors: errors.lines,
    truncated: () => truncated,
    end() {
      if (ended) return
      clearInterval(timer)
      if (rows > 0) draw()
      if (isTerminal) stream.write(rows > 0 ? '\n' : '\r\u001b[K')
      ended = true
    },
  }
}
