import { once } from 'node:events'
import { Writable } from 'node:stream'
import { optionalPackage } from '../core/errors.js'
import type { RunObserver } from '../core/observe/observer.js'
import type { Row } from '../core/run.js'

export type LogLevel = 'info' | 'warn' | 'error'

/** Writes a record: one JSON object in a line, with time, level, process, host and `event`. Fields that are undefined are left out. */
export type Log = (event: string, fields: Readonly<Record<string, unknown>>, level?: LogLevel) => void

/**
 * Opens a log of JSON records.
 *
 * @throws OptionError without pino
 */
export async function openLog(stream: NodeJS.WritableStream): Promise<Log> {
  const { pino } = await optionalPackage(() => import('pino'), '--log json', 'pino')
  const logger = pino(
    { timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (level) => ({ level }) } },
    { write: (line: string) => void stream.write(line) },
  )
  return (event, fields, level = 'info') => logger[level]({ event, ...fields })
}

/** A stream for text. Each line that is not empty becomes a record with a `message`. */
export function lineLog(log: Log, event: string): Writable {
  let rest = ''
  const tell = (line: string): void => {
    if (line.trim() !== '') log(event, { message: line.trim() })
  }
  return new Writable({
    decodeStrings: false,
    write(chunk: string | Buffer, _encoding, done) {
      const lines = (rest + String(chunk)).split(/\r?\n/)
      rest = lines.pop()!
      lines.forEach(tell)
      done()
    },
    final(done) {
      tell(rest)
      done()
    },
  })
}

/** Writes what is left of a line, and waits for it. */
export async function endLines(stream: Writable): Promise<void> {
  stream.end()
  if (!stream.writableFinished) await once(stream, 'finish')
}

/** Logs the start of a run with its models, and each finished row. */
export const logObserver = (log: Log, running: Readonly<Record<string, unknown>>): RunObserver => ({
  onBegin: ({ version, spec, seed, models }) => log('start', { version, ...running, seed, spec, models }),
  onRow: (row) => log('row', fieldsOf(row), row.finishReason === 'error' ? 'warn' : 'info'),
})

/** A row's fields, named as the columns of its part file. Texts and lists are left to the file. */
const fieldsOf = ({ otherRewards = {}, ...row }: Row): Readonly<Record<string, unknown>> => ({
  ...{ id: row.id, sample: row.sample, finish_reason: row.finishReason, error: row.error ?? undefined },
  ...{ prompt_tokens: row.promptTokens, truncated_tokens: row.truncatedTokens, completion_tokens: row.completionTokens },
  reward: row.reward,
  ...Object.fromEntries(Object.entries(otherRewards).map(([name, { reward }]) => [`reward_${name}`, reward])),
  ...{ seed: row.seed, started_at: new Date(row.startedAt), duration_ms: row.durationMs, prompt_hash: row.promptHash },
})
