import { defer, lastValueFrom, of } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { readAhead, type Weighed } from '../../../pipelines/schedule/scheduledLanguageModel.js'

const recorded = (chunk?: number) => {
  const calls: Weighed<string>[] = []
  const send = readAhead<string, string>(
    (weighed) =>
      defer(() => {
        calls.push(weighed)
        return of(weighed.call.toUpperCase())
      }),
    chunk,
  )
  return { calls, send: (key: object, tokens: number) => lastValueFrom(send(key, tokens, 'all', (upTo) => `to ${upTo}`)) }
}

describe('readAhead', () => {
  it('reads the first call of a sequence in pieces on the grid, and returns the last result', async () => {
    const { calls, send } = recorded(10)
    expect(await send({}, 25)).toBe('ALL')
    expect(calls).toEqual([
      { call: 'to 10', key: {}, promptTokens: 10 },
      { call: 'to 20', key: {}, promptTokens: 10 },
      { call: 'all', key: {}, promptTokens: 5 },
    ])
  })
  it('makes no pieces for a prompt of one chunk, or a model without chunks', async () => {
    const short = recorded(10)
    await short.send({}, 10)
    expect(short.calls).toEqual([{ call: 'all', key: {}, promptTokens: 10 }])
    const whole = recorded()
    await whole.send({}, 1000)
    expect(whole.calls).toEqual([{ call: 'all', key: {}, promptTokens: 1000 }])
  })
  it('sends later calls of a sequence as steps', async () => {
    const { calls, send } = recorded(10)
    const key = {}
    await send(key, 5)
    await send(key, 36)
    await send({}, 5)
    expect(calls.map(({ promptTokens }) => promptTokens)).toEqual([5, 0, 5])
  })
})
