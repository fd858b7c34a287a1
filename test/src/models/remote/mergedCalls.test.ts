import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { measuredTurns, type Turns } from '../../../../src/core/batching.js'
import { RemoteError } from '../../../../src/core/errors.js'
import { type MergeOptions, mergedCalls } from '../../../../src/models/remote/mergedCalls.js'

type Answer = number | RemoteError
const refused = (): RemoteError => new RemoteError('refused', false, 'refusal')
const failed = (): RemoteError => new RemoteError('500', false, 'failure')
const tens = (items: readonly number[]): Answer[] => items.map((item) => 10 * item)

/** Merged calls of a server that answers so, and the sizes of its requests. */
function merged(answer: (items: readonly number[]) => Answer[], options: Partial<MergeOptions<number>> = {}) {
  const sizes: number[] = []
  const call = mergedCalls<number, number>(
    async (items) => {
      sizes.push(items.length)
      return answer(items)
    },
    { maxBatch: 8, concurrency: 2, ...options },
  )
  const outcome = async (items: readonly number[]) => call(items).results.catch((error: Error) => error.message)
  return { sizes, all: (calls: readonly (readonly number[])[]) => Promise.all(calls.map(outcome)) }
}
const singles = (count: number) => Array.from({ length: count }, (_, item) => [item])

describe('mergedCalls', () => {
  it('fails the call of an item with an error of its own, without another request', async () => {
    const { sizes, all } = merged((items) => tens(items).map((result) => (result === 20 ? new RemoteError('no 2') : result)))
    expect(await all(singles(4))).toEqual([[0], [10], 'no 2', [30]])
    expect(sizes).toEqual([4])
  })

  it.each<[string, () => RemoteError]>([
    ['refuses', refused],
    ['fails at', failed],
    ['answers wrongly for', () => new RemoteError('wrong')],
  ])('finds the one item that a server %s, in halves', async (_, error) => {
    const { sizes, all } = merged((items) => {
      if (items.includes(5)) throw error()
      return tens(items)
    })
    const results = await all(singles(8))
    expect(results.map((result) => typeof result === 'string')).toEqual(Array.from({ length: 8 }, (_, item) => item === 5))
    expect(sizes.toSorted((a, b) => b - a)).toEqual([8, 4, 4, 2, 2, 1, 1])
  })

  it('sends no more at once than a server was seen to take', async () => {
    const { sizes, all } = merged((items) => {
      if (items.length > 3) throw refused()
      return tens(items)
    })
    expect(await all([[0, 1, 2, 3, 4, 5, 6]])).toEqual([[0, 10, 20, 30, 40, 50, 60]])
    sizes.length = 0
    await all(singles(7))
    expect(Math.max(...sizes)).toBeLessThanOrEqual(3)
  })

  it('sends at most `concurrency` requests at the same time, also while it looks for items at fault', async () => {
    let [running, most] = [0, 0]
    const call = mergedCalls<number, number>(
      async (items) => {
        most = Math.max(most, ++running)
        await setImmediate()
        running--
        if (items.length > 1) throw refused()
        return tens(items) as number[]
      },
      { maxBatch: 8, concurrency: 2 },
    )
    const results = singles(32).map((items) => call(items).results)
    expect(await Promise.all(results)).toEqual(singles(32).map(([item]) => [10 * item!]))
    expect(most).toBe(2)
  })

  it('sends no item of a call that has failed, nor of one whose caller has left, while it looks for items at fault', async () => {
    const seen: (readonly number[])[] = []
    const call = mergedCalls<number, number>(
      async (items) => {
        seen.push(items)
        if (items.length === 1) leaving.leave(new Error('left'))
        if (items.includes(0)) throw refused()
        return tens(items) as number[]
      },
      { maxBatch: 8, concurrency: 1 },
    )
    const [staying, leaving] = [call([0, 1, 2]), call([3])]
    const results = await Promise.allSettled([staying.results, leaving.results])
    expect(results.map((result) => result.status === 'rejected' && result.reason.message)).toEqual(['refused', 'left'])
    expect(seen).toEqual([[0, 1, 2, 3], [0, 1, 2], [0, 1], [0]])
  })

  it('gives an outage to all at once', async () => {
    const { sizes, all } = merged(() => {
      throw new RemoteError('down', false, 'outage')
    })
    expect(await all(singles(3))).toEqual(['down', 'down', 'down'])
    expect(sizes).toEqual([3])
  })

  it('finds out whether a server takes several items, and with how many requests it goes on', async () => {
    const lists = merged(tens, { concurrencyAlone: 8 })
    await lists.all(singles(8))
    await lists.all(singles(8))
    expect([lists.sizes[0], lists.sizes.at(-1)]).toEqual([2, 8])
    const alone = merged(
      (items) => {
        if (items.length > 1) throw failed()
        return tens(items)
      },
      { concurrencyAlone: 8 },
    )
    expect(await alone.all(singles(8))).toEqual(singles(8).map(([item]) => [10 * item!]))
    alone.sizes.length = 0
    await alone.all(singles(8))
    expect(alone.sizes).toEqual(Array(8).fill(1))
  })

  it('sends as many items as have their turn, and the others when a turn ends', async () => {
    const given: number[] = []
    let wakeUp = (): void => undefined
    const turns: Turns = {
      take: (waiting, wake) => {
        wakeUp = wake
        return given.length === 1 ? 0 : Math.min(3, waiting)
      },
      give: (items) => given.push(items.length),
    }
    const { sizes, all } = merged(tens, { concurrency: 1, turnsOf: () => turns })
    const results = all(singles(5))
    while (given.length === 0) await setImmediate()
    await setImmediate()
    expect(sizes).toEqual([3])
    given.push(0)
    wakeUp()
    expect(await results).toEqual(singles(5).map(([item]) => [10 * item!]))
    expect([sizes, given]).toEqual([
      [3, 2],
      [3, 0, 2],
    ])
  })

  it('answers every call with its own results in however many groups, also where callers leave and items fail', async () => {
    const step = fc.record({ items: fc.array(fc.nat(99), { maxLength: 3 }), leaves: fc.boolean(), pause: fc.nat(2) })
    const runs = fc.array(fc.array(step, { maxLength: 12 }), { minLength: 1, maxLength: 6 })
    const property = fc.asyncProperty(runs, fc.constantFrom(1, 2, 4), fc.nat(3), async (sequences, most, slow) => {
      let time = 0
      const turns = measuredTurns({ running: () => sequences.length, now: () => time++, most, gain: 0 })
      const call = mergedCalls<number, number>(
        async (items) => {
          for (let tick = 0; tick <= slow; tick++) await setImmediate()
          if (items.length > 1 && items.includes(13)) throw refused()
          return items.map((item) => (item === 13 ? new RemoteError('no 13') : 10 * item))
        },
        { maxBatch: 8, concurrency: 4, turnsOf: (item) => (item % 5 === 0 ? { take: (n) => n, give: () => undefined } : turns) },
      )
      const run = async (steps: (typeof sequences)[number]) => {
        for (const { items, leaves, pause } of steps) {
          for (let tick = 0; tick < pause; tick++) await setImmediate()
          const { results, leave } = call(items)
          if (leaves) leave(new Error('left'))
          const left = leaves && items.length > 0
          const expected = left ? 'left' : items.includes(13) ? 'no 13' : items.map((item) => 10 * item)
          expect(await results.catch((error: Error) => error.message)).toEqual(expected)
        }
      }
      await Promise.all(sequences.map(run))
    })
    await fc.assert(property, { numRuns: 60 })
  })

  it('keeps kinds apart', async () => {
    const seen: (readonly number[])[] = []
    const { all } = merged(
      (items) => {
        seen.push(items)
        return tens(items)
      },
      { kindOf: (item) => item % 2 },
    )
    await all(singles(6))
    expect(seen).toEqual([
      [0, 2, 4],
      [1, 3, 5],
    ])
  })
})
