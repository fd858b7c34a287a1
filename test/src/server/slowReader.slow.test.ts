import { request as httpRequest } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { fakeLm, fakeModels, fakeRm } from '../../fakes.js'
import { type Served, serve } from './served.js'

const COMPLETIONS = '/v1/completions'
let served: Served | undefined
afterEach(() => served?.close())

const until = (condition: () => boolean): Promise<void> =>
  vi.waitUntil(condition, { timeout: 20_000, interval: 5 }).then(() => undefined)

describe('a reader that does not keep up', () => {
  it('holds its own reply back, no other one, and is given up in the end', async () => {
    const lm = fakeLm({ delay: () => sleep(0) })
    const models = fakeModels(lm, [fakeRm()])
    served = await serve(models, { limits: { stallTimeoutMs: 1500, maxReplyTokens: 4000 } })
    const { hostname, port } = new URL(served.url)
    const asked = httpRequest({
      hostname,
      port,
      path: COMPLETIONS,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
    })
    // Candidates make events of some kilobytes, and nobody reads them.
    asked.end(JSON.stringify({ prompt: 'slow', max_tokens: 3000, stream: true, rxargs: { k: 64, detail: 'candidates' } }))
    asked.on('response', (response) => response.pause())
    asked.on('error', () => undefined)
    const { slots } = served.service
    await until(() => slots.running === 1)
    let before = -1
    await until(() => {
      const stopped = before === lm.batches.length
      before = lm.batches.length
      return stopped
    }).catch(() => undefined)
    await sleep(100)
    const halted = lm.batches.length
    expect(halted).toBeLessThan(2900)
    expect((await served.answer(COMPLETIONS, { prompt: 'other', max_tokens: 5 })).usage.completion_tokens).toBe(5)
    expect(slots.running).toBe(1)
    await until(() => slots.running === 0 && lm.released.length === 2)
    asked.destroy()
  })
})
