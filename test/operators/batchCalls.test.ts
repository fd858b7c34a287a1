import { EMPTY, expand, lastValueFrom, mergeMap, NEVER, type Observable, of, take, throwError, timer } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { batchCalls } from '../../operators/batchCalls.js'
import { OptionError, ShapeError } from '../../src/core/errors.js'
import type { BatchReport, CallTimes } from '../../src/core/observe/observer.js'
import { marbles } from '../marbles.js'

const upper = (calls: readonly string[]): string[] => calls.map((call) => call.toUpperCase())

describe('batchCalls', () => {
  it(
    'batches simultaneous calls of several streams and gives each caller its own result',
    marbles(({ cold, expectObservable, flush }) => {
      const batches: string[] = []
      const scheduled = batchCalls(
        (calls: readonly string[]) => {
          batches.push(calls.join(''))
          return cold('--(r|)', { r: upper(calls) })
        },
        { maxBatch: 3 },
      )
      expectObservable(cold('a---|').pipe(scheduled)).toBe(' --A-|')
      expectObservable(cold('b-e|').pipe(scheduled)).toBe('  --B-(E|)')
      expectObservable(cold('(c|)').pipe(scheduled)).toBe('  --(C|)')
      expectObservable(cold('(d|)').pipe(scheduled)).toBe('  ----(D|)')
      flush()
      expect(batches).toEqual(['abc', 'de'])
    }),
  )

  it(
    'keeps one batch in flight while later calls wait',
    marbles(({ cold, expectObservable, flush }) => {
      const started: [number, string][] = []
      const scheduled = batchCalls(
        (calls: readonly string[]) => {
          started.push([performance.now(), calls.join('')])
          return cold('---(r|)', { r: upper(calls) })
        },
        { maxBatch: 8 },
      )
      expectObservable(cold('ab-c-|').pipe(scheduled)).toBe('---A--(BC|)')
      flush()
      expect(started.map(([, calls]) => calls)).toEqual(['a', 'bc'])
    }),
  )

  it(
    'passes an error to the callers of the failing batch only',
    marbles(({ cold, expectObservable }) => {
      const error = new Error('out of memory')
      const run = (calls: readonly string[]): Observable<string[]> =>
        calls.includes('b') ? cold('-#', {}, error) : cold('-(r|)', { r: upper(calls) })
      const scheduled = batchCalls(run, { maxBatch: 2 })
      expectObservable(cold('(a|)').pipe(scheduled)).toBe('-#', {}, error)
      expectObservable(cold('(b|)').pipe(scheduled)).toBe('-#', {}, error)
      expectObservable(cold('(c|)').pipe(scheduled)).toBe('--(C|)')
    }),
  )

  it(
    'passes an error to the callers when run throws',
    marbles(({ cold, expectObservable }) => {
      const error = new Error('no such model')
      const scheduled = batchCalls(
        (calls: readonly string[]): Observable<string[]> => {
          if (calls.includes('a')) throw error
          return of(upper(calls))
        },
        { maxBatch: 1 },
      )
      expectObservable(cold('(a|)').pipe(scheduled)).toBe('#', {}, error)
      expectObservable(cold('(b|)').pipe(scheduled)).toBe('(B|)')
    }),
  )

  it.each<[string, (calls: readonly string[]) => Observable<string[]>, string]>([
    ['too few', () => of(['A']), 'Expected 2 results, got 1'],
    ['too many', () => of(['A', 'B', 'C']), 'Expected 2 results, got 3'],
    ['no', () => EMPTY, 'Expected 2 results, got 0'],
    ['undefined as', () => of<never>(undefined as never), 'Expected 2 results, got undefined'],
  ])('passes an error to the callers for %s results', (_, run, message) => {
    marbles(({ cold, expectObservable }) => {
      const scheduled = batchCalls((calls: readonly string[]) => (calls[0] === 'c' ? of(['C']) : run(calls)), { maxBatch: 2 })
      expectObservable(cold('(ab|)').pipe(scheduled)).toBe('#', {}, new ShapeError(message))
      expectObservable(cold('-(c|)').pipe(scheduled)).toBe('-(C|)')
    })()
  })

  it(
    'drops cancelled callers from the queue, and goes on when a whole batch has left',
    marbles(({ cold, expectObservable, flush }) => {
      const batches: string[] = []
      const scheduled = batchCalls(
        (calls: readonly string[]) => {
          batches.push(calls.join(''))
          return cold('----(r|)', { r: upper(calls) })
        },
        { maxBatch: 1 },
      )
      expectObservable(cold('(a|)').pipe(scheduled)).toBe('       ----(A|)')
      expectObservable(cold('(b|)').pipe(scheduled), '^-!').toBe('---')
      expectObservable(cold('(c|)').pipe(scheduled), '^-----!').toBe('-------')
      expectObservable(cold('----------(d|)').pipe(scheduled)).toBe('--------------(D|)')
      flush()
      expect(batches).toEqual(['a', 'c', 'd'])
    }),
  )

  it('makes no call when all callers left first', async () => {
    const batches: number[] = []
    const scheduled = batchCalls(
      (calls: readonly string[]) => {
        batches.push(calls.length)
        return of(upper(calls))
      },
      { maxBatch: 4 },
    )
    of('a').pipe(scheduled).subscribe().unsubscribe()
    await lastValueFrom(timer(1))
    expect(batches).toEqual([])
    expect(await lastValueFrom(of('b').pipe(scheduled))).toBe('B')
  })

  it(
    'passes on an empty source, a silent source and its errors',
    marbles(({ cold, expectObservable }) => {
      const scheduled = batchCalls((calls: readonly string[]) => of(upper(calls)), { maxBatch: 1 })
      expectObservable(cold('--|').pipe(scheduled)).toBe('--|')
      expectObservable(cold('-').pipe(scheduled)).toBe('-')
      expectObservable(cold('-#').pipe(scheduled)).toBe('-#')
      const never = batchCalls((_: readonly string[]) => NEVER as Observable<string[]>, { maxBatch: 1 })
      expectObservable(cold('(a|)').pipe(never)).toBe('-')
      expectObservable(cold('a-#').pipe(never)).toBe('--#')
    }),
  )

  it(
    'unsubscribes from the source',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const scheduled = batchCalls((calls: readonly string[]) => cold('-(r|)', { r: upper(calls) }), { maxBatch: 1 })
      const source = cold('a-b-c-|')
      expectObservable(source.pipe(scheduled), '^---!').toBe('-A-B-')
      expectSubscriptions(source.subscriptions).toBe('^---!')
    }),
  )

  it(
    'reports size, queue and time of each batch',
    marbles(({ cold, expectObservable, flush }) => {
      const reports: BatchReport[] = []
      const run = (calls: readonly string[]) => cold('-----(r|)', { r: upper(calls) })
      const scheduled = batchCalls(run, { maxBatch: 2, onBatch: (report) => reports.push(report) })
      expectObservable(cold('(abc|)').pipe(scheduled)).toBe('-----(AB)-(C|)')
      flush()
      expect(reports).toEqual([
        { size: 2, waiting: 1, durationMs: 5 },
        { size: 1, waiting: 0, durationMs: 5 },
      ])
    }),
  )

  it(
    'reports when each call was asked, and how many calls wait',
    marbles(({ cold, expectObservable, flush }) => {
      const calls: [string, CallTimes][] = []
      const waiting: number[] = []
      let length = 0
      const run = (batch: readonly string[]) => {
        waiting.push(length)
        return cold('-----(r|)', { r: upper(batch) })
      }
      const scheduled = batchCalls(run, {
        maxBatch: 2,
        onCall: (call, times) => calls.push([call, times]),
        onQueue: (change) => {
          length += change
        },
      })
      expectObservable(cold('(abc|)').pipe(scheduled)).toBe('-----(AB)-(C|)')
      flush()
      expect(calls).toEqual([
        ['a', { askedAt: 0, startedAt: 0, endedAt: 5 }],
        ['b', { askedAt: 0, startedAt: 0, endedAt: 5 }],
        ['c', { askedAt: 0, startedAt: 5, endedAt: 10 }],
      ])
      expect(waiting).toEqual([1, 0])
      expect(length).toBe(0)
    }),
  )

  it('runs 3,000 steps over a synchronous model without growing the stack', async () => {
    const scheduled = batchCalls((calls: readonly number[]) => of(calls.map((call) => call + 1)), { maxBatch: 4 })
    const steps = of(0).pipe(
      expand((n) => of(n).pipe(scheduled)),
      take(3001),
    )
    expect(await lastValueFrom(steps)).toBe(3000)
  })

  it('batches calls that callers make on getting their result', async () => {
    const sizes: number[] = []
    const scheduled = batchCalls(
      (calls: readonly number[]) => {
        sizes.push(calls.length)
        return Promise.resolve(calls)
      },
      { maxBatch: 8 },
    )
    const walk = of(0, 1, 2, 3, 4, 5).pipe(
      mergeMap(() => of(0).pipe(expand((n) => (n === 10 ? EMPTY : of(n + 1).pipe(scheduled))))),
    )
    await lastValueFrom(walk)
    expect(sizes).toEqual(new Array(10).fill(6))
  })

  it.each([0, 1.5, Number.NaN, undefined])('refuses maxBatch = %s', (maxBatch) => {
    expect(() => batchCalls(() => throwError(() => new Error()), { maxBatch: maxBatch as number })).toThrow(OptionError)
  })
  it('names the expected option in its error', () => {
    const run = (calls: readonly string[]) => of(upper(calls))
    expect(() => batchCalls(run, { maxBatch: 0 })).toThrow('Expected `maxBatch` to be an integer >= 1, got `0` (number)')
    expect(() => batchCalls(run, { maxBatch: 1, onBatch: 3 as never })).toThrow(
      'Expected `onBatch` to be a function, got `3` (number)',
    )
  })
})
