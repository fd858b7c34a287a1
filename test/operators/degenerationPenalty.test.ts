import { describe, expect, it } from 'vitest'
import { degenerationPenalty } from '../../operators/degenerationPenalty.js'
import { OptionError, ShapeError } from '../../src/core/errors.js'
import type { LanguageModel } from '../../src/core/model.js'
import { charCodec } from '../fakes.js'
import { candidates, marbles } from '../marbles.js'

type States = NonNullable<LanguageModel['hiddenStates']>
const model = (hiddenStates?: States): LanguageModel => ({
  name: 'lm',
  capabilities: { all: true, maxTop: 4, hiddenStates: hiddenStates !== undefined, unit: 'logit' },
  codec: charCodec(),
  endTokenIds: [],
  logits: () => [],
  ...(hiddenStates && { hiddenStates }),
  release: () => {},
})
const vector = (...values: number[]) => Float32Array.from(values)
/** Probabilities 1/2 and 1/4. */
const c = { ...candidates([3, 0], [Math.log(2), Math.log(1)]), logNormalizer: Math.log(4) }
const positions = c.sequence.promptTokenIds.length + c.sequence.tokenIds.length
/** The context and the first candidate lie along one axis, the second candidate at a right angle to it. */
const states = [...Array.from({ length: positions }, (_, i) => vector(0, i + 1)), vector(0, 7), vector(3, 0)]
const scored = (...scores: number[]) => ({ ...c, scores: Float32Array.from(scores) })
const p = Array.from(c.tokenLogits, (logit) => Math.exp(logit - c.logNormalizer))

describe('degenerationPenalty', () => {
  it(
    'subtracts the similarity to the context from the probability when the states arrive',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-c-----|', { c })
      const slow = model(() => cold('--z|', { z: states }))
      const r = scored(0.75 * p[0]! - 0.25, 0.75 * p[1]!)
      expectObservable(source.pipe(degenerationPenalty({ lm: slow, alpha: 0.25 }))).toBe('---r---|', { r })
      expectSubscriptions(source.subscriptions).toBe('^------!')
    }),
  )
  it(
    'gives probabilities at alpha 0 and similarity at alpha 1; a zero state is similar to nothing',
    marbles(({ cold, expectObservable }) => {
      const lm = model(() => [states])
      expectObservable(cold('c|', { c }).pipe(degenerationPenalty({ lm, alpha: 0 }))).toBe('r|', { r: scored(p[0]!, p[1]!) })
      expectObservable(cold('c|', { c }).pipe(degenerationPenalty({ lm, alpha: 1 }))).toBe('r|', { r: scored(-1, 0) })
      const zero = model(() => [[...states.slice(0, positions), vector(0, 0), vector(0, -1)]])
      expectObservable(cold('c|', { c }).pipe(degenerationPenalty({ lm: zero, alpha: 1 }))).toBe('r|', { r: scored(0, 1) })
    }),
  )
  it(
    "requests the states of the step's candidates",
    marbles(({ cold, expectObservable, flush }) => {
      const asked: unknown[] = []
      const lm = model((sequence, candidateIds) => {
        asked.push([sequence, candidateIds])
        return [states]
      })
      expectObservable(cold('c|', { c }).pipe(degenerationPenalty({ lm, alpha: 0 }))).toBe('r|', { r: scored(p[0]!, p[1]!) })
      flush()
      expect(asked).toEqual([[c.sequence, c.tokenIds]])
    }),
  )
  it(
    'passes on an empty source, a silent source and errors, and unsubscribes from source and model',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const operator = degenerationPenalty({ lm: model(() => [states]) })
      for (const marble of ['|', '-', '-#']) expectObservable(cold(marble).pipe(operator as never)).toBe(marble)
      const answer = cold('-----z', { z: states })
      const source = cold('-c---|', { c })
      expectObservable(source.pipe(degenerationPenalty({ lm: model(() => answer) })), '^--!').toBe('----')
      expectSubscriptions(source.subscriptions).toBe('^--!')
      expectSubscriptions(answer.subscriptions).toBe('-^-!')
      expectObservable(cold('c|', { c }).pipe(degenerationPenalty({ lm: model(() => cold('-#')) }))).toBe('-#')
    }),
  )
  it(
    'errors for missing states and a wrong number of them',
    marbles(({ cold, expectObservable }) => {
      const none = new ShapeError('Expected hidden states from `lm`, got none')
      expectObservable(cold('c|', { c }).pipe(degenerationPenalty({ lm: model(() => []) }))).toBe('#', {}, none)
      const few = new ShapeError(
        `Expected ${positions + 2} hidden states from \`lm\`, one per position and candidate, got ${positions + 1}`,
      )
      const short = model(() => [states.slice(1)])
      expectObservable(cold('c|', { c }).pipe(degenerationPenalty({ lm: short }))).toBe('#', {}, few)
    }),
  )
  it('refuses a missing model, a model without hidden states and an alpha out of range', () => {
    expect(() => degenerationPenalty({ lm: undefined })).toThrow(OptionError)
    expect(() => degenerationPenalty({ lm: model() })).toThrow(
      new OptionError(
        'Expected language model `lm` to return hidden states, which contrastive search compares; it returns only logits',
      ),
    )
    const lm = model(() => [states])
    expect(() => degenerationPenalty({ lm, alpha: 1.1 })).toThrow(
      new OptionError('Expected `alpha` to be a number from 0 to 1, got `1.1` (number)'),
    )
  })
  it('has a registry entry', () =>
    expect(degenerationPenalty({ lm: model(() => [states]), alpha: 0.3 }).entry).toEqual({
      name: 'degenerationPenalty',
      options: { lm: 'lm', alpha: 0.3 },
    }))
})
