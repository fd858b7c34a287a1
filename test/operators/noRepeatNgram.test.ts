import { describe, expect, it } from 'vitest'
import { noRepeatNgram } from '../../operators/noRepeatNgram.js'
import { OptionError } from '../../src/core/errors.js'
import { logitsStep, marbles, sequence } from '../marbles.js'

const banned = Number.NEGATIVE_INFINITY
/** After 1 2 1, a second 1 2 is banned. */
const before = { ...sequence, promptTokenIds: [1, 2], tokenIds: [1] }
const l = { ...logitsStep(0, 1, 2), sequence: before }
const r = { ...logitsStep(0, 1, banned), sequence: before }

describe('noRepeatNgram', () => {
  it(
    'bans tokens that would repeat an n-gram of prompt and reply',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-l--|', { l })
      expectObservable(source.pipe(noRepeatNgram({ n: 2 }))).toBe('-r--|', { r })
      expectSubscriptions(source.subscriptions).toBe('^---!')
    }),
  )

  it.each([0, 1.5, Number.NaN, '2'])('refuses n = %s', (n) => {
    expect(() => noRepeatNgram({ n: n as number })).toThrow(OptionError)
  })
  it('has a registry entry', () =>
    expect(noRepeatNgram({ n: 2 }).entry).toEqual({ name: 'noRepeatNgram', options: { n: 2 }, need: 'all' }))
})
