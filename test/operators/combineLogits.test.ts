import { describe, expect, it } from 'vitest'
import { combineLogits } from '../../operators/combineLogits.js'
import { OptionError, ShapeError } from '../../src/core/errors.js'
import type { LanguageModel, Logits } from '../../src/core/model.js'
import { charCodec } from '../fakes.js'
import { candidates, logitsStep, marbles, sparseStep } from '../marbles.js'

const dense = (...values: number[]): Logits => ({ values: Float32Array.from(values) })
const model = (logits: LanguageModel['logits']): LanguageModel => ({
  name: 'expert',
  capabilities: { all: true, maxTop: 4, hiddenStates: false, unit: 'logit' },
  codec: charCodec(),
  endTokenIds: [],
  logits,
  release: () => {},
})
const lm = model(() => [dense(1, 2, 3, 4)])
const l = logitsStep(1, 1, Number.NEGATIVE_INFINITY, 0)

describe('combineLogits', () => {
  it(
    'adds the logits of another model when they arrive, and keeps bans',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-l-----|', { l })
      const slow = model(() => cold('--z|', { z: dense(1, 2, 3, 4) }))
      const r = logitsStep(1.5, 2, Number.NEGATIVE_INFINITY, 2)
      expectObservable(source.pipe(combineLogits({ lm: slow, factor: 0.5 }))).toBe('---r---|', { r })
      expectSubscriptions(source.subscriptions).toBe('^------!')
    }),
  )

  it(
    "scales the step's own logits, and adds to the scores of candidates",
    marbles(({ cold, expectObservable }) => {
      const r = logitsStep(1, 0, Number.NEGATIVE_INFINITY, -4)
      expectObservable(cold('l|', { l }).pipe(combineLogits({ lm, own: 2, factor: -1 }))).toBe('r|', { r })
      const c = candidates([3, 0], [7, 6])
      const s = candidates([3, 0], [7, 6], [11, 7])
      expectObservable(cold('c|', { c }).pipe(combineLogits({ lm, factor: 1 }))).toBe('s|', { s })
    }),
  )

  it(
    'calls the other model with the prompt, another prompt, or the last token alone',
    marbles(({ cold, expectObservable, flush }) => {
      const asked: unknown[] = []
      const watched = model((_, need, promptTokenIds) => {
        asked.push([need, promptTokenIds])
        return [dense(0, 0, 0, 0)]
      })
      for (const prompt of [undefined, 'ab', '']) {
        expectObservable(cold('l|', { l }).pipe(combineLogits({ lm: watched, factor: 1, prompt }))).toBe('l|', { l })
      }
      flush()
      expect(asked).toEqual([
        ['all', undefined],
        ['all', [97, 98]],
        ['all', [2]],
      ])
    }),
  )

  it(
    'passes on an empty source, a silent source and errors, and unsubscribes from source and model',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const operator = combineLogits({ lm, factor: 1 })
      expectObservable(cold('|').pipe(operator as never)).toBe('|')
      expectObservable(cold('-').pipe(operator as never)).toBe('-')
      expectObservable(cold('-#').pipe(operator as never)).toBe('-#')
      const answer = cold('-----z', { z: dense(0, 0, 0, 0) })
      const source = cold('-l---|', { l })
      expectObservable(source.pipe(combineLogits({ lm: model(() => answer), factor: 1 })), '^--!').toBe('----')
      expectSubscriptions(source.subscriptions).toBe('^--!')
      expectSubscriptions(answer.subscriptions).toBe('-^-!')
      const broken = model(() => cold('-#'))
      expectObservable(cold('l|', { l }).pipe(combineLogits({ lm: broken, factor: 1 }))).toBe('-#')
    }),
  )

  it(
    'errors for sparse logits, another vocabulary and a missing answer',
    marbles(({ cold, expectObservable }) => {
      const s = sparseStep({ tokenIds: Int32Array.of(1), values: Float32Array.of(1) })
      const sparse = new ShapeError('Expected the logits of the whole vocabulary, got the top 1')
      expectObservable(cold('s|', { s }).pipe(combineLogits({ lm, factor: 1 }))).toBe('#', {}, sparse)
      const other = new ShapeError('Expected logits of 4 tokens from `expert`, got 1')
      expectObservable(cold('l|', { l }).pipe(combineLogits({ lm: model(() => [dense(0)]), factor: 1 }))).toBe('#', {}, other)
      const none = new ShapeError('Expected logits from `expert`, got none')
      expectObservable(cold('l|', { l }).pipe(combineLogits({ lm: model(() => []), factor: 1 }))).toBe('#', {}, none)
    }),
  )

  it('refuses a missing model and numbers that are not finite', () => {
    expect(() => combineLogits({ lm: undefined, factor: 1 })).toThrow(
      new OptionError('Expected `lm` to be a language model among the models, got nothing'),
    )
    expect(() => combineLogits({ lm, factor: Number.NaN })).toThrow(OptionError)
    expect(() => combineLogits({ lm, factor: 1, own: 0 })).toThrow(OptionError)
  })
  it('has a registry entry', () =>
    expect(combineLogits({ lm, factor: 2 }).entry).toEqual({
      name: 'combineLogits',
      options: { lm: 'expert', factor: 2 },
      need: 'all',
    }))
})
