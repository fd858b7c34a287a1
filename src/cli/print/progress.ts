import type { Row } from '../../core/run.js'

/** Plain lines come this often, the bar is drawn this often. */
const LINE_MS = 5_000
const BAR_MS = 100
const BAR = 24

export type ProgressOptions = Readonly<{
  stream: NodeJS.WritableStream & { isTTY?: boolean; columns?: number }
  now?: () => number
}>

/** What a run tells while it goes on. */
export interface Progress {
  /** How many rows there will be, once it is known. */
  expect(rows: number): void
  row(row: Row): void
  token(): void
  /** A row that was there already. */
  skip(): void
  /** A line that stays. */
  say(line: string): void
  /** Draws for the last time. */
  end(): void
}

export const seconds = (milliseconds: number): string => {
  const all = Math.round(milliseconds / 1000)
  if (all < 60) return `${all} s`
  const [hours, minutes] = [Math.floor(all / 3600), Math.floor(all / 60) % 60]
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${all % 60} s`
}

/** Progress on stderr: a bar that is redrawn on a terminal, a plain line every few seconds elsewhere. */
export function progress({ stream, now = Date.now }: ProgressOptions): Progress {
  const isTerminal = stream.isTTY === true
  const startedAt = now()
  let total: number | undefined
  let [rows, skipped, tokens, errors] = [0, 0, 0, 0]
  // Of the first reward under the name '', of the others under theirs.
  const means = new Map<string, Readonly<{ sum: number; count: number }>>()
  let drawnAt = startedAt
  let ended = false

  const average = (name: string, value: number | null): void => {
    if (value === null || !Number.isFinite(value)) return
    const { sum, count } = means.get(name) ?? { sum: 0, count: 0 }
    means.set(name, { sum: sum + value, count: count + 1 })
  }
  const status = (): string => {
    const elapsed = now() - startedAt
    const done = rows + skipped
    const parts = [
      `${done}${total === undefined ? '' : ` of ${total}`} ${(total ?? done) === 1 ? 'row' : 'rows'}`,
      ...(tokens > 0 && elapsed > 0 ? [`${Math.round((tokens * 1000) / elapsed)} tokens/s`] : []),
      ...[...means].map(([name, { sum, count }]) => `mean ${name === '' ? 'reward' : name} ${(sum / count).toFixed(3)}`),
      ...(errors > 0 ? [`${errors} ${errors === 1 ? 'error' : 'errors'}`] : []),
      ...(total !== undefined && rows > 0 && done < total ? [`${seconds((elapsed / rows) * (total - done))} left`] : []),
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
    expect(count) {
      total = count
      tick()
    },
    row({ reward, otherRewards = {}, finishReason }) {
      rows++
      if (finishReason === 'error') errors++
      average('', reward)
      for (const [name, other] of Object.entries(otherRewards)) average(name, other.reward)
      tick()
    },
    token() {
      tokens++
      tick()
    },
    skip() {
      skipped++
    },
    say(line) {
      stream.write(`${isTerminal ? '\r\u001b[K' : ''}${line}\n`)
    },
    end() {
      if (ended) return
      clearInterval(timer)
      if (rows > 0) draw()
      if (isTerminal) stream.write(rows > 0 ? '\n' : '\r\u001b[K')
      ended = true
    },
  }
}
