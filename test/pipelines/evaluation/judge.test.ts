import { describe, expect, it } from 'vitest'
import { type Ask, judge } from '../../../pipelines/evaluation/judge.js'
import type { JudgeAnswer } from '../../../pipelines/evaluation/judgeAnswer.js'
import { CeilingReached, judgeCeiling } from '../../../pipelines/evaluation/judgeCeiling.js'
import { sharedPrompts } from '../../../pipelines/evaluation/sharedPrompts.js'
import { RemoteError } from '../../../src/core/errors.js'
import type { Reply } from '../../../src/core/run.js'

const reply = (id: string, completion: string, fields: Partial<Reply> = {}): Reply => ({
  ...{ id, sample: 0, prompt: `prompt ${id}`, completion, promptTokenIds: null, tokenIds: null },
  ...{ finishReason: 'stop', reward: null, ...fields },
})
const runOf = (name: string, replies: readonly Reply[]) => ({
  name,
  replies: async function* () {
    yield* replies
  },
})
const names = Array.from({ length: 200 }, (_, index) => `p${index}`)
const [a, b] = ['good', 'bad'].map((text) =>
  runOf(
    text,
    names.map((id) => reply(id, `${text} ${id}`)),
  ),
)

describe('sharedPrompts', () => {
  it('samples by seed and id alone', async () => {
    const drawn = await sharedPrompts(a!, b!, { count: 30, seed: 1 })
    expect(drawn.shared).toBe(200)
    const backwards = runOf(
      'b',
      names.toReversed().map((id) => reply(id, `bad ${id}`)),
    )
    const again = await sharedPrompts(a!, backwards, { count: 30, seed: 1 })
    expect(again.pairs.map(({ id }) => id)).toEqual(drawn.pairs.map(({ id }) => id))
    expect(new Set(drawn.pairs.map(({ id }) => id)).size).toBe(30)
    expect((await sharedPrompts(a!, b!, { count: 30, seed: 2 })).pairs.map(({ id }) => id)).not.toEqual(
      drawn.pairs.map(({ id }) => id),
    )
    expect((await sharedPrompts(a!, b!, { count: 10, seed: 1 })).pairs).toEqual(drawn.pairs.slice(0, 10))
  })

  it('keeps the prompts that both runs answered, one sample each', async () => {
    const first = runOf('a', [reply('x', 'x'), reply('y', 'y', { finishReason: 'error', completion: null }), reply('z', 'z')])
    const second = runOf('b', [
      reply('z', 'z2', { prompt: 'other' }),
      reply('z', 'z3', { sample: 1 }),
      reply('y', 'y2'),
      reply('w', 'w'),
    ])
    const { pairs, shared } = await sharedPrompts(first, second, { count: 10, seed: 0 })
    expect(shared).toBe(1)
    expect(pairs).toMatchObject([{ id: 'z', prompt: 'prompt z', worded: true, a: { completion: 'z' }, b: { completion: 'z2' } }])
  })
})

/** A judge that scores a reply with "good" 9 and the other one 3, in either place. */
const fair: Ask = async ([, user], { admit, settle }) => {
  await admit()
  settle(100)
  const text =
    user!.content.indexOf('good') < user!.content.indexOf('bad') ? '{"first": 9, "second": 3}' : '{"first": 3, "second": 9}'
  return { text, tokens: 100 }
}

async function judged(ask: Ask, more: Partial<Parameters<typeof judge>[1]> = {}, count = 20) {
  const { pairs } = await sharedPrompts(a!, b!, { count, seed: 0 })
  const kept: JudgeAnswer[] = []
  const ceiling = judgeCeiling({})
  const options = {
    ...{ ask, judge: 'test', seed: 0, concurrency: 3, retries: 2, ceiling, needsUsage: false, known: [] },
    keep: async (answer: JudgeAnswer) => void kept.push(answer),
    signal: new AbortController().signal,
    ...more,
  }
  return { result: await judge(pairs, options), kept, spent: options.ceiling.spent }
}

describe('judge', () => {
  it('shows replies in random order and gives each run its own scores', async () => {
    const { result, kept, spent } = await judged(fair, {}, 60)
    expect(result.judgements).toHaveLength(60)
    expect(result.judgements.every((one) => one.a === 9 && one.b === 3)).toBe(true)
    const shownFirst = result.judgements.filter(({ first }) => first === 'a').length
    expect(shownFirst).toBeGreaterThan(15)
    expect(shownFirst).toBeLessThan(45)
    expect(kept).toHaveLength(60)
    expect(spent).toEqual({ calls: 60, tokens: 6000 })
  })

  it('sends up to the allowed number of requests at once', async () => {
    let [open, most] = [0, 0]
    const slow: Ask = async (...asked) => {
      most = Math.max(most, ++open)
      await new Promise(setImmediate)
      open--
      return fair(...asked)
    }
    await judged(slow)
    expect(most).toBe(3)
  })

  it('requests only unknown answers, and those whose request has changed', async () => {
    const { kept } = await judged(fair)
    let calls = 0
    const counted: Ask = (...asked) => {
      calls++
      return fair(...asked)
    }
    const again = await judged(counted, { known: kept.slice(0, 15) })
    expect([calls, again.result.judgements.length]).toEqual([5, 20])
    await judged(counted, { known: kept, judge: 'another' })
    expect(calls).toBe(25)
    expect((await judged(counted, { known: [{ ...kept[0]!, a: undefined, error: 'failed' }] }, 1)).kept).toHaveLength(1)
  })

  it('retries an answer without scores, and counts a pair without any as failed', async () => {
    let number = 0
    const odd: Ask = async (messages, watch, signal) => {
      number++
      return number <= 3
        ? { ...(await fair(messages, watch, signal)), text: 'I would rather not.' }
        : fair(messages, watch, signal)
    }
    const { result, kept } = await judged(odd, { concurrency: 1 }, 4)
    expect([result.judgements.length, result.failed, result.left]).toEqual([3, 1, 0])
    expect(kept[0]).toMatchObject({
      calls: 3,
      tokens: 300,
      error: 'no scores from 1 to 10 in the answer',
      answer: 'I would rather not.',
    })
  })

  it('goes on after a failed pair, and stops if no further call can succeed', async () => {
    const failing =
      (hopeless: boolean): Ask =>
      async () => {
        throw new RemoteError('it failed', hopeless)
      }
    expect((await judged(failing(false), {}, 5)).result).toMatchObject({ judgements: [], failed: 5 })
    await expect(judged(failing(true), {}, 5)).rejects.toThrow('it failed')
  })

  it('stops at a ceiling of calls at any concurrency', async () => {
    const { result, spent } = await judged(fair, { ceiling: judgeCeiling({ maxCalls: 7, calls: 2 }) })
    expect(spent.calls).toBe(7)
    expect(result).toMatchObject({ failed: 0, left: 15, ceiling: '7 calls' })
  })

  it('stops at a ceiling of tokens, and refuses answers without a token count', async () => {
    const { result, spent } = await judged(fair, { ceiling: judgeCeiling({ maxTokensTotal: 750 }), needsUsage: true })
    expect(spent.tokens).toBe(700)
    expect([result.judgements.length, result.left, result.ceiling]).toEqual([7, 13, '750 tokens'])
    const silent: Ask = async (messages, watch, signal) => ({ text: (await fair(messages, watch, signal)).text })
    await expect(judged(silent, { needsUsage: true })).rejects.toThrow('reports no `usage.total_tokens`')
  })
})

describe('judgeCeiling', () => {
  it('allows one call first, then as many as the largest answer so far leaves room for', async () => {
    const ceiling = judgeCeiling({ maxTokensTotal: 350 })
    const order: string[] = []
    const call = (name: string) =>
      ceiling.admit().then(
        () => void order.push(name),
        (error: unknown) => void order.push(`${name}: ${(error as Error).name}`),
      )
    const calls = ['a', 'b', 'c', 'd'].map(call)
    await new Promise(setImmediate)
    expect(order).toEqual(['a'])
    ceiling.settle(100)
    await new Promise(setImmediate)
    expect(order).toEqual(['a', 'b', 'c'])
    ceiling.settle(100)
    ceiling.settle(120)
    await Promise.all(calls)
    expect(order).toEqual(['a', 'b', 'c', 'd: CeilingReached'])
    await expect(ceiling.admit()).rejects.toBeInstanceOf(CeilingReached)
  })
})
