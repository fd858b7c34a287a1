import { map } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { logNormalizer, type Normalized } from '../../operators/logNormalizer.js'
import { topK } from '../../operators/topK.js'
import { OptionError, ShapeError } from '../../src/core/errors.js'
import type { Candidates } from '../../src/core/step.js'
import { logitsStep, marbles, sparseStep } from '../marbles.js'

/** Three equal tokens and a banned one: each of the three has probability 1/3. */
const l = logitsStep(0, 0, Number.NEGATIVE_INFINITY, 0)

describe('logNormalizer', () => {
  it(
    'stores the log of the sum, and candidates keep it',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-l--|', { l })
      expectObservable(source.pipe(logNormalizer())).toBe('-r--|', { r: { ...l, logNormalizer: Math.log(3) } })
      expectSubscriptions(source.subscriptions).toBe('^---!')
      const third = map(({ logNormalizer, tokenLogits }: Normalized & Candidates) => Math.exp(tokenLogits[0]! - logNormalizer))
      expectObservable(cold('l|', { l }).pipe(logNormalizer(), topK({ k: 1 }), third)).toBe('p|', { p: Math.exp(-Math.log(3)) })
    }),
  )
  it(
    "uses the model's log-sum-exp for sparse logits, and errors without one",
    marbles(({ cold, expectObservable }) => {
      const sparse = { tokenIds: Int32Array.of(1), values: Float32Array.of(1) }
      const s = sparseStep({ ...sparse, logSumExp: 2 })
      expectObservable(cold('s|', { s }).pipe(logNormalizer())).toBe('r|', { r: { ...s, logNormalizer: 2 } })
      const none = new ShapeError('Expected the logits of the whole vocabulary, got the top 1')
      expectObservable(cold('s|', { s: sparseStep(sparse) }).pipe(logNormalizer())).toBe('#', {}, none)
    }),
  )
  it(
    'passes on an empty source, a silent source and errors, and unsubscribes from the source',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      for (const marble of ['|', '-', '-#']) expectObservable(cold(marble).pipe(logNormalizer() as never)).toBe(marble)
      const source = cold('-l---|', { l })
      expectObservable(source.pipe(logNormalizer()), '^!').toBe('--')
      expectSubscriptions(source.subscriptions).toBe('^!')
    }),
  )
  it('has no options and needs all logits', () => {
    expect(() => logNormalizer({ k: 1 } as never)).toThrow(OptionError)
    expect(logNormalizer().entry).toEqual({ name: 'logNormalizer', options: {}, need: 'all' })
  })
})
