import { describe, expect, it } from 'vitest'
import { jsonReward } from '../../../pipelines/rewards/jsonReward.js'
import { lengthReward } from '../../../pipelines/rewards/lengthReward.js'
import { regexReward } from '../../../pipelines/rewards/regexReward.js'
import { repetitionReward } from '../../../pipelines/rewards/repetitionReward.js'
import { rewardByName, rewardFunctions } from '../../../pipelines/rewards/rewardByName.js'
import { wordsReward } from '../../../pipelines/rewards/wordsReward.js'
import { OptionError } from '../../../src/core/errors.js'
import type { ReplySoFar, TextReward } from '../../../src/core/rewardSource.js'

/** A reward of a completion. The prompt would change every result if the reward read it. */
const of = async (reward: TextReward, completion: string, more: Partial<ReplySoFar> = {}): Promise<number> => {
  const reply = { prompt: '{"please stupid": 1 1 1 1', completion, tokens: completion.length, ended: false, ...more }
  return (await reward.scoreTexts([reply.prompt + completion], new AbortController().signal, [reply]))[0]!
}
const ended = { ended: true }

describe('lengthReward', () => {
  it('subtracts excess over the target, and a shortfall once the reply has ended', async () => {
    const ten = lengthReward('short', { target: 10 })
    expect(await of(ten, 'four')).toBe(0)
    expect(await of(ten, 'four', ended)).toBe(-0.6)
    expect(await of(ten, 'exactly 10', ended)).toBe(0)
    expect(await of(ten, 'fifteen letters')).toBe(-0.5)
    expect(await of(ten, 'fifteen letters', ended)).toBe(-0.5)
  })
  it('counts characters, words or tokens without the end token', async () => {
    expect(await of(lengthReward('a', { target: 1 }), '👋🏼')).toBe(-1)
    expect(await of(lengthReward('a', { target: 2, unit: 'words' }), ' one two\nthree ')).toBe(-0.5)
    expect(await of(lengthReward('a', { target: 2, unit: 'tokens' }), 'x', { tokens: 3 })).toBe(-0.5)
    expect(await of(lengthReward('a', { target: 2, unit: 'tokens' }), 'x', { tokens: 3, ended: true })).toBe(0)
  })
})

describe('regexReward', () => {
  it('is 1 if the completion has a match, else 0', async () => {
    const digits = regexReward('digits', { pattern: '\\d{2}' })
    expect([await of(digits, 'a 42'), await of(digits, 'a 4 2')]).toEqual([1, 0])
    expect(await of(regexReward('b', { pattern: '^PLEASE', flags: 'i' }), 'please do')).toBe(1)
  })
  it('counts matches on request', async () => {
    const words = regexReward('words', { pattern: '\\p{L}+', count: true })
    expect([await of(words, 'Ça va bien?'), await of(words, '')]).toEqual([3, 0])
  })
  it('refuses an invalid regular expression', () => {
    expect(() => regexReward('a', { pattern: '(' })).toThrow(/^Expected `pattern` and `flags` to be a regular expression: .*\(/)
    expect(() => regexReward('a', { pattern: 'a', flags: 'zz' })).toThrow(OptionError)
  })
})

describe('jsonReward', () => {
  it('is 1 for JSON and its beginnings, 0 for JSON that ended early, less for invalid JSON', async () => {
    const json = jsonReward('json')
    expect(await of(json, '')).toBe(1)
    expect(await of(json, '{"a": [1, ')).toBe(1)
    expect(await of(json, '{"a": [1, ', ended)).toBe(0)
    expect(await of(json, '{"a": [1]}', ended)).toBe(1)
    expect(await of(json, '[1, 2]!!')).toBe(-2 / 8)
    expect(await of(json, 'Sure!')).toBe(-1)
  })
  it('can require an object or an array', async () => {
    expect(await of(jsonReward('json', { root: 'object' }), ' {"a')).toBe(1)
    expect(await of(jsonReward('json', { root: 'object' }), '\n')).toBe(1)
    expect(await of(jsonReward('json', { root: 'object' }), '[1')).toBe(-1)
    expect(await of(jsonReward('json', { root: 'array' }), '[1')).toBe(1)
  })
})

describe('repetitionReward', () => {
  it('is minus the share of repeated n-grams', async () => {
    const two = repetitionReward('varied', { n: 2 })
    expect(await of(two, 'a b c')).toBe(0)
    expect(await of(two, 'a b a b a')).toBe(-0.5)
    expect(await of(repetitionReward('varied'), 'one two')).toBe(0)
    expect(await of(repetitionReward('varied', { n: 1, unit: 'characters' }), '好好好好')).toBe(-0.75)
  })
})

describe('wordsReward', () => {
  it('counts present wanted words once and banned ones each time', async () => {
    const polite = wordsReward('polite', { wanted: ['please', 'thank you'], banned: ['stupid', 'c++'] })
    expect(await of(polite, 'PLEASE, please. Thank  you!')).toBe(2)
    expect(await of(polite, 'stupid Stupid c++ please')).toBe(-2)
    expect(await of(polite, 'stupidity displease')).toBe(0)
    expect(await of(wordsReward('a', { banned: ['über'] }), 'über überall')).toBe(-1)
  })
  it('refuses an empty list of words', () => {
    expect(() => wordsReward('a', {})).toThrow(new OptionError('Expected `wanted` or `banned` words, got neither'))
    expect(() => wordsReward('a', { banned: [' '] })).toThrow(OptionError)
  })
})

describe('rewardByName', () => {
  it('makes each function of the command line with its options as data', () => {
    const options: Record<string, object> = {
      length: { target: 5 },
      regex: { pattern: 'a' },
      words: { banned: ['b'] },
      ensemble: { of: ['a', 'b'] },
    }
    for (const of of Object.keys(rewardFunctions)) {
      const reward = rewardByName('mine', of, options[of])
      expect(reward.name).toBe('mine')
      expect(rewardByName('mine', of, reward.spec![of]).spec).toEqual(reward.spec)
    }
    expect(rewardByName('short', 'length', { target: 5 }).spec).toEqual({ length: { target: 5, unit: 'characters' } })
  })
  it.each([
    ['toString', {}, `Expected a reward function (${Object.keys(rewardFunctions).join(', ')}), got \`toString\``],
    ['length', {}, 'Expected `target` to be an integer >= 1, got nothing'],
    ['length', { target: 1, unit: 'bytes' }, 'Expected `unit` to be one of characters, words, tokens, got `bytes` (string)'],
    ['length', { goal: 1, target: 1 }, 'Unknown option `goal`; known: target, unit'],
    ['json', { root: 'map' }, 'Expected `root` to be one of any, object, array, got `map` (string)'],
    ['repetition', { n: 0 }, 'Expected `n` to be an integer >= 1, got `0` (number)'],
  ])('refuses %s %j', (of, options, message) => {
    expect(() => rewardByName('a', of, options)).toThrow(new OptionError(message))
  })
})
