import type { RunObserver } from '../../core/observe/observer.js'
import type { Log } from '../../watch/jsonLog.js'
import { runTally, type TallyFigures } from './runTally.js'

/** Time between two plain lines, which grows with the run, and between two drawings of the bar. */
const LINE_MS = 5_000
const LONGEST_LINE_MS = 60_000
const LINE_SHARE = 0.05
const BAR_MS = 100
const BAR = 24

export type ProgressOptions = Readonly<{
  stream: NodeJS.WritableStream & { isTTY?: boolean; columns?: number }
  /** Gets the progress as records, in place of lines. */
  log?: Log | undefined
  /** Observers of the run besides the progress. */
  observers?: readonly RunObserver[]
  now?: () => number
}>

/** Shows the progress of a run. */
export interface Progress {
  /** For the `observe` option of the run: what counts its rows, and the further observers. */
  readonly observers: readonly RunObserver[]
  /** Sets the number of rows, and the maximum tokens per row if rows are decoded. */
  expect(rows: number, maxTokens?: number): void
  /** Starts the clock, once models are loaded. */
  begin(): void
  /** Counts a row that is not decoded here, as one that the output already has. */
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

/** Starts to show progress on stderr: a bar on a terminal, elsewhere a plain line or a record every few seconds, later every minute. */
export function startProgress({ stream, log, observers = [], now = Date.now }: ProgressOptions): Progress {
  const isTerminal = stream.isTTY === true
  const tally = runTally(now)
  const { errors } = tally
  let drawnAt = now()
  let ended = false

  const status = ({ rows, skipped, expected, tokensPerSecond, means, msLeft }: TallyFigures): string => {
    const done = rows + skipped
    const parts = [
      `${done}${expected === undefined ? '' : ` of ${expected}`} ${(expected ?? done) === 1 ? 'row' : 'rows'}`,
      ...(tokensPerSecond === undefined ? [] : [`${tokensPerSecond} tokens/s`]),
      ...[...means].map(([name, mean]) => `mean ${name === '' ? 'reward' : name} ${mean.toFixed(3)}`),
      ...(msLeft === undefined ? [] : [`${seconds(msLeft)} left`]),
      ...(errors.count > 0 ? [`${errors.count} ${errors.count === 1 ? 'error' : 'errors'} (${errors.brief()})`] : []),
    ]
    return parts.join(', ')
  }
  const draw = () => {
    drawnAt = now()
    const figures = tally.figures()
    if (log) return log(ended ? 'end' : 'progress', { ...recordOf(figures), errors: errors.count, error_reasons: errors.list() })
    if (!isTerminal) return void stream.write(`${status(figures)}\n`)
    const { expected, rows, skipped } = figures
    const share = expected ? Math.min(1, (rows + skipped) / expected) : 0
    const filled = Math.round(share * BAR)
    const bar = expected === undefined ? '' : `${'█'.repeat(filled)}${'░'.repeat(BAR - filled)} `
    stream.write(`\r\u001b[K${`${bar}${status(figures)}`.slice(0, (stream.columns ?? 80) - 1)}`)
  }
  let everyMs = isTerminal ? BAR_MS : LINE_MS
  const tick = () => {
    if (ended || now() - drawnAt < everyMs) return
    draw()
    if (!isTerminal) everyMs = Math.max(LINE_MS, Math.min(LONGEST_LINE_MS, LINE_SHARE * tally.figures().elapsedMs))
  }
  const timer = setInterval(tick, isTerminal ? 4 * BAR_MS : LINE_MS)
  timer.unref()
  const { onToken, onRow, onSkip } = tally.observer

  return {
    observers: [
      {
        onSkip,
        onToken: (token) => {
          onToken(token)
          tick()
        },
        onRow: (row) => {
          onRow(row)
          tick()
        },
      },
      ...observers,
    ],
    expect(count, most) {
      tally.expect(count, most)
      tick()
    },
    begin: tally.begin,
    skip: () => onSkip({ id: '', sample: 0 }),
    say(line) {
      stream.write(`${isTerminal ? '\r\u001b[K' : ''}${line}\n`)
    },
    errors: errors.lines,
    truncated: tally.truncated,
    end() {
      if (ended) return
      clearInterval(timer)
      const { rows } = tally.figures()
      ended = true
      if (rows > 0 || log) draw()
      if (isTerminal) stream.write(rows > 0 ? '\n' : '\r\u001b[K')
    },
  }
}

/** The figures of a run as the fields of a log record. */
const recordOf = ({ rows, skipped, expected, tokens, elapsedMs, tokensPerSecond, means, msLeft }: TallyFigures) => ({
  ...{ rows, skipped, expected, tokens, tokens_per_second: tokensPerSecond, duration_ms: elapsedMs },
  ...Object.fromEntries([...means].map(([name, mean]) => [name === '' ? 'mean_reward' : `mean_reward_${name}`, mean])),
  seconds_left: msLeft === undefined ? undefined : Math.round(msLeft / 1000),
})
