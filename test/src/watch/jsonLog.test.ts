import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { startProgress } from '../../../src/cli/print/progress.js'
import { endLines, type Log, lineLog, logObserver, openLog } from '../../../src/watch/jsonLog.js'
import { jsonl } from '../cli/rxargs.js'
import { errorRow, row } from '../io/fakeRun.js'

async function opened() {
  const stream = new PassThrough()
  const log = await openLog(stream)
  return { log, records: () => jsonl(String(stream.read() ?? '')) }
}

describe('openLog', () => {
  it('writes a record a line, and leaves out what is undefined', async () => {
    const { log, records } = await opened()
    log('part', { path: 'out/part-00000.parquet', rows: 3, error: undefined })
    log('error', { message: 'two\nlines' }, 'error')
    const [part, error] = records()
    expect(part).toEqual({
      ...{ level: 'info', time: expect.any(String), pid: process.pid, hostname: expect.any(String) },
      ...{ event: 'part', path: 'out/part-00000.parquet', rows: 3 },
    })
    expect(error).toMatchObject({ level: 'error', event: 'error', message: 'two\nlines' })
  })
})

describe('lineLog', () => {
  it('makes a record of each line, however its text arrives', async () => {
    const lines: unknown[] = []
    const stream = lineLog((event, fields) => lines.push([event, fields.message]), 'notice')
    for (const text of ['a b', 'c\nsec', 'ond\r\n\n', 'rest']) stream.write(text)
    await endLines(stream)
    expect(lines).toEqual([
      ['notice', 'a bc'],
      ['notice', 'second'],
      ['notice', 'rest'],
    ])
  })
})

describe('logObserver', () => {
  it('logs rows with their rewards, and error rows as warnings', async () => {
    const { log, records } = await opened()
    const { onRow } = logObserver(log, {})
    onRow!(row('a', { otherRewards: { short: { reward: -1, rewards: null } } }))
    onRow!(errorRow('b'))
    expect(records()).toEqual([
      expect.objectContaining({
        ...{ level: 'info', event: 'row', id: 'a', finish_reason: 'stop', reward: 0.5, reward_short: -1 },
        ...{
          prompt_tokens: 2,
          completion_tokens: 3,
          duration_ms: 12,
          started_at: '2023-11-14T22:13:20.000Z',
          prompt_hash: 'of p',
        },
      }),
      expect.objectContaining({ level: 'warn', event: 'row', id: 'b', finish_reason: 'error', error: 'too long' }),
    ])
  })
})

describe('startProgress with a log', () => {
  it('writes progress and the end as records with counts of the error reasons', () => {
    const records: unknown[] = []
    const log: Log = (event, fields) => records.push({ event, ...fields })
    let time = 0
    const progress = startProgress({ stream: new PassThrough(), log, now: () => time })
    const [observer] = progress.observers
    progress.expect(4, 10)
    for (const made of [row('a', { reward: 1 }), row('b', { reward: 2 }), errorRow('c')]) {
      time += 2_500
      observer!.onToken!({ key: made, text: 'x' })
      observer!.onRow!(made)
    }
    progress.end()
    expect(records).toEqual([
      { event: 'progress', ...figures(1, 2, 5_000, 1), expected: 4, errors: 0, error_reasons: [], seconds_left: 15 },
      {
        ...{ event: 'end', ...figures(3, 3, 7_500, 1.5), expected: 4, seconds_left: 3, errors: 1 },
        error_reasons: [{ count: 1, error: 'too long' }],
      },
    ])
  })
})

const figures = (rows: number, tokens: number, duration_ms: number, mean_reward: number) => ({
  ...{ rows, skipped: 0, tokens, duration_ms, mean_reward },
  tokens_per_second: 0,
})
