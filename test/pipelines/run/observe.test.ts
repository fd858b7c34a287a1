import { describe, expect, it } from 'vitest'
import { args } from '../../../pipelines/decoders/args.js'
import { score } from '../../../pipelines/evaluation/score.js'
import { lengthReward } from '../../../pipelines/rewards/lengthReward.js'
import { generate } from '../../../pipelines/run/generate.js'
import { bestOfN } from '../../../pipelines/searches/bestOfN.js'
import type { RunObserver } from '../../../src/core/observe/observer.js'
import type { Models } from '../../../src/core/run.js'
import { charCodec, fakeLm, fakeModels, fakeRm, promptsOf, rowsOf } from '../../fakes.js'

type Names = keyof RunObserver
type Told = Readonly<{ name: Names; value: never }>

const all = [
  ...['onBegin', 'onStart', 'onSkip', 'onPrompt', 'onToken', 'onText', 'onCall', 'onBatch', 'onQueue', 'onRow'],
] as readonly Names[]

/** An observer that keeps what it is told. */
function recorder(names: readonly Names[] = all) {
  const told: Told[] = []
  const observe = Object.fromEntries(
    names.map((name) => [name, (...values: unknown[]) => told.push({ name, value: values.at(-1) as never })]),
  ) as RunObserver
  const of = <T>(name: Names): T[] => told.filter((one) => one.name === name).map(({ value }) => value as T)
  return { told, observe, of }
}

type Call = Parameters<NonNullable<RunObserver['onCall']>>[0]

const observed = async (observe: RunObserver | readonly RunObserver[], models: Models = fakeModels()) =>
  rowsOf(generate(promptsOf(['a', 'bc']), args({ k: 3 }), models, { maxNewTokens: 3, observe }))

describe('observe', () => {
  it('tells of each row from its start to its end', async () => {
    const { told, observe, of } = recorder()
    const rows = await observed(observe)
    expect(told[0]?.name).toBe('onBegin')
    const changes = of<number>('onQueue')
    expect(changes).toContain(1)
    expect(changes.reduce((length, change) => length + change)).toBe(0)
    expect(of<{ seed: number }>('onBegin')).toEqual([expect.objectContaining({ seed: 0, spec: expect.any(Object) })])
    expect(of('onStart')).toEqual([
      { id: 'p1', sample: 0 },
      { id: 'p2', sample: 0 },
    ])
    expect(of<{ promptTokens: number }>('onPrompt').map(({ promptTokens }) => promptTokens)).toEqual([1, 2])
    expect(of('onToken')).toHaveLength(6)
    expect(of('onText')).toHaveLength(6)
    expect(of('onRow')).toEqual(rows)
  })

  it("reports a call of each model at each step, and one for the row's reward", async () => {
    const { observe, of } = recorder()
    await observed(observe)
    const calls = of<Call>('onCall').filter(({ key }) => key.id === 'p2')
    expect(calls.map(({ model, kind, promptTokens }) => `${model} ${kind} ${promptTokens}`)).toEqual([
      ...['lm logits 2', 'fake rewards 2', 'lm logits 0', 'fake rewards 0', 'lm logits 0', 'fake rewards 0'],
      'fake rewards 0',
    ])
    for (const { askedAt, startedAt, endedAt } of calls)
      expect([askedAt, startedAt, endedAt]).toEqual([askedAt, startedAt, endedAt].sort())
  })

  it.each([
    ['a function', () => fakeModels(fakeLm(), [lengthReward('length', { target: 3 })]), 'length'],
    ['a model with a vocabulary of its own', () => fakeModels(fakeLm(), [fakeRm({ codec: charCodec('other') })]), 'fake'],
  ])('reports the calls of a reward that is %s', async (_, models, name) => {
    const { observe, of } = recorder()
    await observed(observe, models())
    const calls = of<Call>('onCall').filter(({ model }) => model === name)
    expect(calls.map(({ key, kind }) => `${key.id} ${kind}`).sort()).toEqual([
      ...new Array(4).fill('p1 rewards'),
      ...new Array(4).fill('p2 rewards'),
    ])
  })

  it("reports a language model's calls that go side by side", async () => {
    const { observe, of } = recorder()
    await observed(observe, fakeModels({ ...fakeLm(), sideBySide: true }))
    expect(of<Call>('onCall').filter(({ model }) => model === 'lm')).toHaveLength(6)
  })

  it('gives the calls of a search to the row of its prompt', async () => {
    const { observe, of } = recorder()
    const run = generate(promptsOf(['a']), bestOfN({ n: 2, k: 3 }), fakeModels(), { maxNewTokens: 3, observe })
    await rowsOf(run)
    expect(new Set(of<Call>('onCall').map(({ key }) => key.id))).toEqual(new Set(['p1']))
    expect(of<Call>('onCall').filter(({ kind }) => kind === 'logits')).toHaveLength(6)
  })

  it('tells of rows that are there already', async () => {
    const { observe, of } = recorder()
    const run = generate(promptsOf(['a', 'b']), args({ k: 3 }), fakeModels(), { maxNewTokens: 1, observe })
    const rows: string[] = []
    await new Promise<void>((resolve, reject) => {
      run.rows({ done: ({ id }) => id === 'p1' }).subscribe({
        next: ({ id }) => rows.push(id),
        error: reject,
        complete: resolve,
      })
    })
    expect([of('onSkip'), rows]).toEqual([[{ id: 'p1', sample: 0 }], ['p2']])
  })

  it('takes several observers, and calls the functions that each has', async () => {
    const [one, other] = [recorder(['onRow']), recorder(['onRow', 'onToken'])]
    await observed([one.observe, other.observe])
    expect([one.told.length, other.told.length]).toEqual([2, 8])
  })

  it('changes no row', async () => {
    const [plain, watched] = [await observed([]), await observed(recorder().observe)]
    const settled = (rows: typeof plain) => rows.map(({ startedAt: _, durationMs: __, ...row }) => row)
    expect(settled(watched)).toEqual(settled(plain))
  })

  it('is an option of `score`', async () => {
    const { observe, of } = recorder()
    const texts = [
      { id: 'a', content: { text: 'a' }, completion: 'b' },
      { id: 'c', error: 'broken' },
    ]
    const source = (async function* () {
      yield* texts
    })()
    const rows = await rowsOf(score(source, { reward: fakeRm(), hashes: {} }, { observe }))
    expect(of('onRow')).toEqual(rows)
    expect(of<{ size: number }>('onBatch').map(({ size }) => size)).toEqual([1])
  })

  it.each([
    [{ onRows: () => undefined }, 'Unknown option `onRows` of `observe` (did you mean `onRow`?)'],
    [{ onRow: 3 }, 'Expected `onRow` to be a function, got `3` (number)'],
    [3, 'Expected `observe` to be an observer, such as { onRow: (row) => … }, or a list of observers, got `3` (number)'],
  ])('refuses %j', (observe, message) => {
    expect(() => generate(promptsOf([]), args(), fakeModels(), { observe: observe as never })).toThrow(message)
  })
})
