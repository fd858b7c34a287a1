import { describe, expect, it } from 'vitest'
import { chunkParser } from '../../../../../src/server/page/state/readReply.js'
import { type Chunk, replySoFar } from '../../../../../src/server/page/state/reply.js'
import { type Action, firstSession, isRunning, next, type Session } from '../../../../../src/server/page/state/session.js'
import { defaultSettings } from '../../../../../src/server/page/state/settings.js'

const candidate = (id: number, text: string, reward = 0) => ({ id, text, logit: 1, score: 2, rewards: { rm: reward } })

const chunk = (text: string, chosen = 0): Chunk => {
  const candidates = [candidate(1, ' the'), candidate(2, text)]
  return {
    choices: [
      { delta: { content: text }, finish_reason: null, rxargs: { tokens: [{ ...candidates[chosen]!, candidates, chosen }] } },
    ],
  }
}
const end: Chunk = { choices: [{ delta: {}, finish_reason: 'stop', rxargs: { rewards: { rm: 3 } } }] }

const after = (...actions: readonly Action[]): Session => actions.reduce(next, firstSession(defaultSettings))
const guided = (one: Chunk): Action => ({ type: 'chunk', side: 'guided', chunk: one })

describe('a session', () => {
  it('collects tokens of each side until the stream ends', () => {
    const { run } = after({ type: 'start' }, guided(chunk(' I')), guided(chunk(' am', 1)), guided(end))
    expect(run.replies.guided).toMatchObject({ status: 'finished', reason: 'stop', rewards: { rm: 3 } })
    expect(run.replies.guided.tokens.map(({ chosen }) => chosen)).toEqual([0, 1])
    expect(replySoFar(run.replies.guided)).toBe(' I am')
    expect(run.replies.greedy).toEqual({ status: 'running', tokens: [] })
  })

  it('takes no more of a stream that was stopped', () => {
    const session = after(
      { type: 'start' },
      guided(chunk(' I')),
      { type: 'end', side: 'guided', status: 'stopped' },
      guided(chunk(' am')),
    )
    expect(session.run.replies.guided.tokens).toHaveLength(1)
    expect(isRunning(session)).toBe(true)
  })

  it('keeps the error of a stream with what came before it', () => {
    const { run } = after({ type: 'start' }, guided(chunk(' I')), guided({ error: { message: 'The model was lost' } }))
    expect(run.replies.guided).toMatchObject({ status: 'failed', error: 'The model was lost', tokens: [{ id: 1 }] })
  })

  it('continues from a candidate in the place of a token, and comes back', () => {
    const before = after({ type: 'start' }, guided(chunk(' I')), guided(chunk(' am')), guided(end))
    const continued = next(before, { type: 'continue', side: 'guided', index: 1, chosen: 1 })
    const { tokens, status } = continued.run.replies.guided
    expect(tokens.map(({ id, picked }) => [id, picked])).toEqual([
      [1, undefined],
      [2, true],
    ])
    expect(status).toBe('running')
    expect(next(continued, { type: 'undo' }).run.replies.guided).toEqual(before.run.replies.guided)
  })

  it('comes back to the settings of a run, and no further than the first one', () => {
    const change: Action = { type: 'change', change: { k: 3 } }
    const session = after({ type: 'start' }, guided(end), change, { type: 'start' }, { type: 'undo' })
    expect(session.settings.k).toBe(defaultSettings.k)
    expect(next(session, { type: 'undo' })).toBe(session)
  })

  it('shows a recorded run only until the reader starts one', () => {
    const { run } = after({ type: 'start' }, guided(chunk(' I')), guided(end))
    const show: Action = { type: 'show', run }
    expect(after(show).run).toBe(run)
    const started = after({ type: 'start' })
    expect(next(started, show)).toBe(started)
  })

  it('refuses a candidate that is not there', () =>
    expect(() => next(after({ type: 'start' }), { type: 'continue', side: 'guided', index: 0, chosen: 0 })).toThrow(RangeError))
})

describe('the parser of a stream', () => {
  it('gives the same chunks, wherever the text is cut', () => {
    const text = `data: ${JSON.stringify(chunk('你好 \u2028'))}\r\n\r\ndata: ${JSON.stringify(end)}\n\ndata: [DONE]\n\n`
    for (let cut = 0; cut <= text.length; cut++) {
      const chunks: Chunk[] = []
      const parser = chunkParser((one) => chunks.push(one))
      parser.feed(text.slice(0, cut))
      parser.feed(text.slice(cut))
      expect(chunks).toEqual([chunk('你好 \u2028'), end])
      expect(parser.isComplete()).toBe(true)
    }
  })

  it('knows a stream that ended early', () => {
    const parser = chunkParser(() => undefined)
    parser.feed(`data: ${JSON.stringify(chunk(' I'))}\n\n`)
    expect(parser.isComplete()).toBe(false)
  })
})
