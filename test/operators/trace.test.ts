import { describe, expect, it } from 'vitest'
import { selectGreedy } from '../../operators/selectGreedy.js'
import { topK } from '../../operators/topK.js'
import { trace } from '../../operators/trace.js'
import { steps } from '../../pipelines/decoding/steps.js'
import { OptionError } from '../../src/core/errors.js'
import type { Candidates } from '../../src/core/step.js'
import { candidates, marbles, relays } from '../marbles.js'

const c = candidates([7, 8], [2, 1])

describe('trace', () => {
  it(
    'calls the function with each step and passes the step on',
    marbles(({ cold, expectObservable, expectSubscriptions, flush }) => {
      const seen: Candidates[] = []
      const source = cold('-c-c|', { c })
      expectObservable(source.pipe(trace({ onStep: (step) => seen.push(step) }))).toBe('-c-c|', { c })
      expectSubscriptions(source.subscriptions).toBe('^---!')
      flush()
      expect(seen).toHaveLength(2)
      expect(seen.every((step) => step === c)).toBe(true)
    }),
  )
  it(
    'passes on an empty source, a silent source and errors, and unsubscribes from the source',
    relays(trace({ onStep: () => undefined }), c, c),
  )
  it(
    'passes on an exception of the function',
    marbles(({ cold, expectObservable }) => {
      const onStep = () => {
        throw new Error('enough')
      }
      expectObservable(cold('-c-c|', { c }).pipe(trace({ onStep }))).toBe('-#', {}, new Error('enough'))
    }),
  )
  it('is not in the spec and adds no need', () => {
    const plain = steps(topK({ k: 3 }), selectGreedy())
    const traced = steps(
      trace({ onStep: ({ logits }) => logits.values }),
      topK({ k: 3 }),
      trace({ onStep: ({ tokenIds }) => tokenIds }),
      selectGreedy(),
    )
    expect(traced.spec).toEqual(plain.spec)
    expect(traced.need).toBe(3)
  })
  it('requires a function', () => {
    expect(() => trace({} as never)).toThrow(new OptionError('Expected `onStep` to be a function, got nothing'))
  })
})
