import { of } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { forcedWords } from '../../operators/forcedWords.js'
import { OptionError } from '../../src/core/errors.js'
import { charCodec } from '../fakes.js'
import { logitsStep, marbles, sequence } from '../marbles.js'

const banned = Number.NEGATIVE_INFINITY
const codec = charCodec()
const l = logitsStep(0, 1, 2)
const r = logitsStep(0, banned, 2)

describe('forcedWords', () => {
  it(
    'bans end tokens while a word is missing',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-l--|', { l })
      expectObservable(source.pipe(forcedWords({ words: [[0]], within: 9, endTokenIds: [1], codec }))).toBe('-r--|', { r })
      expectSubscriptions(source.subscriptions).toBe('^---!')
    }),
  )

  /** The token after each reply; `!` is the likeliest, and 127 is the end token. */
  const chosen = (words: readonly string[], within: number, reply: string): string => {
    let char = ''
    const values = Float32Array.from({ length: 128 }, (_, id) => (id === 33 ? 2 : id === 127 ? 1 : 0))
    const step = { sequence: { ...sequence, tokenIds: codec.encode(reply, false) }, logits: { values } }
    of(step)
      .pipe(forcedWords({ words, within, endTokenIds: [127], codec }))
      .subscribe((after) => {
        char = String.fromCharCode(after.logits.values.indexOf(Math.max(...after.logits.values)))
      })
    return char
  }
  const written = (words: readonly string[], within: number, length: number): string => {
    let reply = ''
    while (reply.length < length) reply += chosen(words, within, reply)
    return reply
  }

  it('forces missing words in order, as late as possible', () => {
    expect(written(['cat', 'dog'], 12, 12)).toBe('!!!! cat dog')
    expect(written(['cat', 'dog'], 10, 12)).toBe('!! cat dog!!')
    expect(written(['cat'], 2, 6)).toBe(' cat!!')
  })
  it('does not force words that occurred, and completes words that began', () => {
    expect(chosen(['cat'], 3, 'a cat')).toBe('!')
    expect(chosen(['cat'], 7, 'a ca')).toBe('t')
    expect(chosen(['cat', 'dog'], 12, 'a dog is')).toBe(' ')
  })

  it.each([[[]], [['']], [[[]]], ['bad'], [[[-1]]]])('refuses words = %j', (words) => {
    expect(() => forcedWords({ words: words as string[], within: 1, endTokenIds: [], codec })).toThrow(OptionError)
  })
  it('refuses words without a codec', () => {
    expect(() => forcedWords({ words: ['a'], within: 1, endTokenIds: [], codec: undefined as never })).toThrow(
      'Expected `codec` to be the codec of the language model',
    )
  })
  it('refuses within = 0', () => {
    expect(() => forcedWords({ words: ['a'], within: 0, endTokenIds: [], codec })).toThrow(OptionError)
  })
  it('has a registry entry', () =>
    expect(forcedWords({ words: [[0]], within: 9, endTokenIds: [1], codec }).entry).toEqual({
      name: 'forcedWords',
      options: { words: [[0]], within: 9 },
      need: 'all',
    }))
})
