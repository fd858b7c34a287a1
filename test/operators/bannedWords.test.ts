import { describe, expect, it } from 'vitest'
import { bannedWords } from '../../operators/bannedWords.js'
import { OptionError } from '../../src/core/errors.js'
import type { Sequence } from '../../src/core/sequence.js'
import type { LogitsStep } from '../../src/core/step.js'
import { charCodec } from '../fakes.js'
import { logitsStep, marbles, sequence } from '../marbles.js'

const banned = Number.NEGATIVE_INFINITY
const codec = charCodec()
const before: Sequence = { ...sequence, promptTokenIds: [3, 1], tokenIds: [2] }
const l = { ...logitsStep(0, 1, 2), sequence: before }
const r = { ...logitsStep(banned, 1, 2), sequence: before }

describe('bannedWords', () => {
  it(
    'bans the token that would complete a word begun in prompt or reply',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-l--|', { l })
      expectObservable(source.pipe(bannedWords({ words: [[1, 2, 0]], codec }))).toBe('-r--|', { r })
      expectSubscriptions(source.subscriptions).toBe('^---!')
    }),
  )

  it(
    'bans texts as the tokenizer encodes them, and always bans a word of one token',
    marbles(({ cold, expectObservable }) => {
      const at = (reply: string) => ({
        ...logitsStep(...Array<number>(128).fill(0)),
        sequence: { ...sequence, tokenIds: codec.encode(reply, false) },
      })
      const without = (step: LogitsStep, char: string) => {
        const values = step.logits.values.slice()
        values[char.charCodeAt(0)] = banned
        return { ...step, logits: { values } }
      }
      const operator = bannedWords({ words: ['cat', 'x'], codec })
      const [far, near] = [at('a do'), at('a ca')]
      expectObservable(cold('fn|', { f: far, n: near }).pipe(operator)).toBe('fn|', {
        f: without(far, 'x'),
        n: without(without(near, 'x'), 't'),
      })
    }),
  )

  it.each([[[]], [['']], [[[]]], ['bad'], [[[-1]]]])('refuses words = %j', (words) => {
    expect(() => bannedWords({ words: words as string[], codec })).toThrow(OptionError)
  })
  it('refuses words without a codec', () => {
    expect(() => bannedWords({ words: ['a'], codec: undefined as never })).toThrow(
      'Expected `codec` to be the codec of the language model',
    )
  })
  it('has a registry entry', () =>
    expect(bannedWords({ words: [[1, 2, 0]], codec }).entry).toEqual({
      name: 'bannedWords',
      options: { words: [[1, 2, 0]] },
      need: 'all',
    }))
})
