import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { args } from '../../../pipelines/decoders/args.js'
import { greedy } from '../../../pipelines/decoders/greedy.js'
import { generate } from '../../../pipelines/run/generate.js'
import type { LogitsCall } from '../../../src/core/batched.js'
import type { Prompt } from '../../../src/core/prompt.js'
import type { Delivery, Row } from '../../../src/core/run.js'
import { fakeLm, fakeModels, fakeRm, promptsOf } from '../../fakes.js'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** Advances virtual time and runs all that is due, so the machine's load changes nothing. */
const later = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)

/** A source that counts pulled prompts and records its end. */
const counted = (count: number) => {
  const state = { pulled: 0, closed: false }
  async function* source(): AsyncGenerator<Prompt> {
    try {
      for (let i = 0; i < count; i++) {
        state.pulled++
        yield { id: `p${i}`, content: { text: `prompt ${i}` } }
      }
    } finally {
      state.closed = true
    }
  }
  return { state, source: source() }
}

describe('places', () => {
  it('open for the next prompt only after the sink took a row', async () => {
    const { state, source } = counted(10)
    const arrived: Delivery[] = []
    let completed = false
    generate(source, greedy(), fakeModels(), { concurrency: 3, maxNewTokens: 2 })
      .deliveries()
      .subscribe({ next: (delivery) => arrived.push(delivery), complete: () => (completed = true) })
    await later(20)
    expect([arrived.length, state.pulled]).toEqual([3, 3])
    arrived[1]!.taken()
    arrived[1]!.taken() // once is enough
    await later(20)
    expect([arrived.length, state.pulled]).toEqual([4, 4])
    for (let i = 0; i < 10; i++) {
      arrived[i]!.taken()
      await later(5)
    }
    expect(arrived.map(({ row }) => row.id).sort()).toEqual(Array.from({ length: 10 }, (_, i) => `p${i}`))
    expect(completed).toBe(true)
  })
  it('take no resources before a prompt arrives', async () => {
    const { source } = counted(3)
    const rows: Row[] = []
    for await (const row of generate(source, greedy(), fakeModels(), { concurrency: Number.MAX_SAFE_INTEGER, maxNewTokens: 2 }))
      rows.push(row)
    expect(rows.map(({ id }) => id).sort()).toEqual(['p0', 'p1', 'p2'])
  })
  it('all start while no row is taken', async () => {
    const { state, source } = counted(40)
    const arrived: Delivery[] = []
    generate(source, greedy(), fakeModels(), { concurrency: 32, maxNewTokens: 2 })
      .deliveries()
      .subscribe((delivery) => arrived.push(delivery))
    await later(20)
    expect([arrived.length, state.pulled]).toEqual([32, 32])
  })
  it('open in for await on the request for the next row', async () => {
    const { state, source } = counted(10)
    const rows = generate(source, greedy(), fakeModels(), { concurrency: 2, maxNewTokens: 2 })[Symbol.asyncIterator]()
    expect(state.pulled).toBe(0)
    await rows.next()
    await later(20)
    expect(state.pulled).toBe(2)
    await rows.next()
    await later(20)
    expect(state.pulled).toBe(3)
    await rows.return?.()
  })
  it('keep memory to running prompts: a source of a million prompts is pulled', async () => {
    const { state, source } = counted(1_000_000)
    let seen = 0
    let ahead = 0
    for await (const _ of generate(source, greedy(), fakeModels(fakeLm(), []), { concurrency: 8, maxNewTokens: 1 })) {
      seen++
      ahead = Math.max(ahead, state.pulled - seen)
      if (seen === 2000) break
    }
    expect(ahead).toBeLessThanOrEqual(8)
    await later(5)
    expect(state.closed).toBe(true)
  })
  it('keep only the ids of finished rows', async () => {
    setFlagsFromString('--expose_gc')
    const collect = runInNewContext('gc') as () => void
    const heap = (): number => {
      collect()
      return process.memoryUsage().heapUsed
    }
    const values = Float32Array.of(1, 2, 3, 4)
    const lm = { ...fakeLm(), run: async (calls: readonly LogitsCall[]) => calls.map(() => ({ values })), release: () => {} }
    let seen = 0
    let before = 0
    for await (const _ of generate(counted(12_000).source, greedy(), fakeModels(lm, []), { maxNewTokens: 1 })) {
      if (++seen === 4000) before = heap()
    }
    expect((heap() - before) / 8000).toBeLessThan(150)
  })
})

describe('cancelling', () => {
  /** Models with slow batches, so that a test can cancel in between. */
  const slow = () => {
    const delay = () => new Promise((resolve) => setTimeout(resolve, 5))
    const lm = fakeLm({ delay })
    const rm = fakeRm({ delay })
    return { lm, rm, models: fakeModels(lm, [rm]) }
  }

  it('frees every cache within one step and closes the source', async () => {
    const { lm, rm, models } = slow()
    const { state, source } = counted(100)
    const subscription = generate(source, args({ k: 3 }), models, { concurrency: 4 })
      .rows()
      .subscribe()
    await later(60)
    expect(lm.held.size).toBe(4)
    subscription.unsubscribe()
    // All is released at once. The batch in flight may still finish, but no call follows.
    expect([new Set(lm.released).size, new Set(rm.released).size]).toEqual([4, 4])
    const calls = lm.batches.length + rm.batches.length
    await later(40)
    expect(lm.batches.length + rm.batches.length).toBe(calls)
    expect(state).toMatchObject({ pulled: 4, closed: true })
  })
  it('happens by breaking out of for await', async () => {
    const { lm, models } = slow()
    const { state, source } = counted(100)
    const broken = (async () => {
      for await (const _ of generate(source, args({ k: 3 }), models, { concurrency: 4, maxNewTokens: 2 })) break
      return { released: new Set(lm.released).size, calls: lm.batches.length }
    })()
    await later(500)
    const { released, calls } = await broken
    expect(released).toBe(4)
    expect(lm.batches.length).toBe(calls)
    expect(state).toMatchObject({ pulled: 4, closed: true })
  })
  it('by a signal errors with its reason after freeing everything', async () => {
    const { lm, rm, models } = slow()
    const cancel = new AbortController()
    const rows: Row[] = []
    const end = new Promise<{ error: unknown; released: number }>((resolve) => {
      generate(counted(100).source, args({ k: 3 }), models, { concurrency: 4 })
        .rows({ signal: cancel.signal })
        .subscribe({
          next: (row) => rows.push(row),
          error: (error: unknown) => resolve({ error, released: new Set([...lm.released, ...rm.released]).size }),
        })
    })
    await later(30)
    cancel.abort()
    const { error, released } = await end
    expect(error).toMatchObject({ name: 'AbortError' })
    expect(released).toBe(4)
    expect(rows).toEqual([])
  })
  it('by an aborted signal prevents the start', async () => {
    const { state, source } = counted(3)
    const failed = await new Promise((resolve) => {
      generate(source, greedy(), fakeModels())
        .rows({ signal: AbortSignal.abort('stop') })
        .subscribe({ error: resolve })
    })
    expect(failed).toBe('stop')
    expect(state.pulled).toBe(0)
  })
  it('does not happen by a signal that aborts after the end or never', async () => {
    const cancel = new AbortController()
    const seen: string[] = []
    await new Promise<void>((resolve) => {
      generate(promptsOf(['a']), greedy(), fakeModels(), { maxNewTokens: 1 })
        .rows({ signal: cancel.signal })
        .subscribe({
          next: () => seen.push('row'),
          error: () => seen.push('error'),
          complete: () => resolve(void seen.push('end')),
        })
    })
    cancel.abort()
    await later(5)
    expect(seen).toEqual(['row', 'end'])
  })
  it('does not wait for a source that never answers', async () => {
    const hanging: AsyncIterable<Prompt> = { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) }
    const subscription = generate(hanging, greedy(), fakeModels()).rows().subscribe()
    await later(5)
    subscription.unsubscribe()
    expect(subscription.closed).toBe(true)
  })
})

describe('a source that fails', () => {
  it('fails the run after the running rows are delivered', async () => {
    async function* broken(): AsyncGenerator<Prompt> {
      yield { id: 'a', content: { text: 'a' } }
      yield { id: 'b', content: { text: 'b' } }
      throw new Error('disk gone')
    }
    const rows: string[] = []
    const failed = async () => {
      for await (const { id } of generate(broken(), args({ k: 3 }), fakeModels(), { concurrency: 4 })) rows.push(id)
    }
    await expect(failed()).rejects.toThrow('disk gone')
    expect(rows.sort()).toEqual(['a', 'b'])
  })
  it('fails the run if it cannot start', async () => {
    const broken: AsyncIterable<Prompt> = {
      [Symbol.asyncIterator]: () => {
        throw new Error('no such file')
      },
    }
    await expect(generate(broken, greedy(), fakeModels())[Symbol.asyncIterator]().next()).rejects.toThrow('no such file')
  })
})
