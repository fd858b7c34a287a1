import { from, lastValueFrom, of, throwError } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { args } from '../../../pipelines/decoders/args.js'
import { ensemble } from '../../../pipelines/rewards/ensemble.js'
import { ensembleReward } from '../../../pipelines/rewards/ensembleReward.js'
import { rewardByName } from '../../../pipelines/rewards/rewardByName.js'
import { textReward } from '../../../pipelines/rewards/textReward.js'
import { generate } from '../../../pipelines/run/generate.js'
import { schedule } from '../../../pipelines/schedule/schedule.js'
import type { RewardCall } from '../../../src/core/batched.js'
import { OptionError, RewardError } from '../../../src/core/errors.js'
import type { Reward } from '../../../src/core/model.js'
import type { Row } from '../../../src/core/run.js'
import type { Sequence } from '../../../src/core/sequence.js'
import { fakeLm, fakeModels, fakeRm, ids, promptsOf, rowsOf, sequenceOf, settled } from '../../fakes.js'

/** A reward that gives one list of scores after the other. */
const giving = (name: string, ...lists: readonly (readonly number[])[]): Reward => {
  const left = [...lists]
  return { name, score: () => of(Float32Array.from(left.shift()!)), value: () => of(lists[0]![0]!) }
}
const scores = async (reward: Reward, sequence: Sequence = sequenceOf('p', ''), text = 'xy'): Promise<number[]> =>
  Array.from(await lastValueFrom(from(reward.score(sequence, ids(text)))))
const two = (options: Omit<Parameters<typeof ensembleReward>[1], 'of'>, a: Reward, b: Reward) =>
  ensemble(ensembleReward('both', { of: ['a', 'b'], ...options }), [a, b])

describe('an ensemble', () => {
  it('is the weighted sum of its members', async () => {
    const sum = two({ by: 'sum', weight: { b: -2 } }, giving('a', [1, 2]), giving('b', [10, 0.5]))
    expect(await scores(sum)).toEqual([-19, 1])
    expect(await lastValueFrom(from(sum.value(sequenceOf('p', ''))))).toBe(1 - 2 * 10)
  })
  it('is their minimum, or their mean minus their disagreement', async () => {
    expect(await scores(two({ by: 'min' }, giving('a', [1, 2]), giving('b', [3, -4])))).toEqual([1, -4])
    expect(await scores(two({ by: 'mean' }, giving('a', [1, 2]), giving('b', [3, -4])))).toEqual([1, -4])
    expect(await scores(two({ by: 'mean', c: 0.5 }, giving('a', [1, 2]), giving('b', [3, -4])))).toEqual([1.5, -2.5])
  })
  it('normalises each member by its mean and scale', async () => {
    const least = two({ by: 'min', mean: { a: 10 }, scale: { a: 2, b: 5 } }, giving('a', [12, 10]), giving('b', [10, -5]))
    expect(await scores(least)).toEqual([1, -1])
  })
  it("normalises by the scores of the sequence's earlier steps, or by its own in the first step", async () => {
    const sum = two({ running: true }, giving('a', [1, 3], [6, 2], [2, 3]), giving('b', [0, 0], [1, 0], [0, 2]))
    const sequence = sequenceOf('p', '')
    const next = (text: string) => ({ ...sequence, tokenIds: [...ids(text)] })
    expect(await scores(sum, sequence)).toEqual([-1, 1])
    // a: mean 2, deviation 1; b: all zero
    expect(await scores(sum, next('x'))).toEqual([4 + 1, 0])
    // a: 1, 3, 6, 2; b: 0, 0, 1, 0
    const [a, b] = [Math.sqrt(14 / 4), Math.sqrt(3) / 4]
    const [first, second] = await scores(sum, next('xx'))
    expect(first).toBeCloseTo((2 - 3) / a + (0 - 0.25) / b, 5)
    expect(second).toBeCloseTo((3 - 3) / a + (2 - 0.25) / b, 5)
  })
  it('counts a step once if it is scored in parts or again, and keeps sequences apart', async () => {
    const whole = two({ running: true }, giving('a', [1, 3], [6, 2]), giving('b', [0, 1], [1, 0]))
    const parts = two(
      { running: true },
      giving('a', [1, 3], [1], [3], [9, 9], [6, 2]),
      giving('b', [0, 1], [0], [1], [9, 8], [1, 0]),
    )
    const sequence = sequenceOf('p', '')
    const grown = { ...sequence, tokenIds: [...ids('x')] }
    await scores(whole, sequence)
    await scores(parts, sequence)
    await scores(parts, sequence, 'x')
    await scores(parts, sequence, 'y')
    await scores(parts, sequenceOf('other', ''))
    expect(await scores(parts, grown)).toEqual(await scores(whole, grown))
  })
  it('passes on the error of a member', async () => {
    const failing: Reward = { name: 'b', score: () => throwError(() => new Error('no')), value: () => of(0) }
    await expect(scores(two({}, giving('a', [1, 2]), failing))).rejects.toThrow('no')
    await expect(scores(two({}, giving('a', [1, 2]), giving('b', [1])))).rejects.toThrow(
      new RewardError('Reward `b` gave 1 numbers for 2 candidates'),
    )
  })
})

describe('an ensemble in a run', () => {
  const vowels = textReward('vowels', (text) => text.match(/[aeiou]/g)?.length ?? 0)
  const both = ensembleReward('both', { of: ['safe', 'vowels'], by: 'mean', running: true })
  const run = async (concurrency: number, safe = fakeRm({ name: 'safe', maxBatch: 4 })): Promise<Row[]> => {
    const models = fakeModels(fakeLm({ maxBatch: 4 }), [safe, vowels, both])
    const prompts = promptsOf(['Hello', 'World', 'again', 'and again'])
    return settled(await rowsOf(generate(prompts, args({ k: 5, weight: 2 }), models, { concurrency, maxNewTokens: 12 })))
  }

  it('steers, and its members are columns', async () => {
    const [row] = await run(1)
    expect(Object.keys(row!.otherRewards!)).toEqual(['safe', 'vowels'])
    row!.scores!.forEach((score, i) => {
      expect(score).toBeCloseTo(row!.logits![i]! + 2 * row!.rewards![i]!, 5)
    })
    const { safe, vowels: counted } = row!.otherRewards!
    const values = [safe!.reward!, counted!.reward!]
    const mean = (values[0]! + values[1]!) / 2
    expect(row!.reward).toBeCloseTo(mean - Math.abs(values[0]! - mean), 5)
  })
  it('gives the same rows at any concurrency with running normalisation', async () => expect(await run(4)).toEqual(await run(1)))
  it('calls each member once a step', async () => {
    const calls: RewardCall[] = []
    const safe = fakeRm({ name: 'safe' })
    const counting = {
      ...safe,
      run: (batch: readonly RewardCall[]) => {
        calls.push(...batch)
        return safe.run(batch)
      },
    }
    const [row] = await run(1, counting)
    const once = calls.map(({ tokenIds, branches }) => `${tokenIds}|${branches.join()}`)
    expect(new Set(once).size).toBe(once.length)
    expect(once.length).toBeGreaterThan(row!.tokenIds!.length)
  })
  it('has the weight of the first reward; members have weights by name only', () => {
    const models = schedule(fakeModels(fakeLm(), [fakeRm({ name: 'safe' }), vowels, both]))
    const weights = (decoder: ReturnType<typeof args>) =>
      decoder(models).spec!.steps.flatMap((step) => (step.combineScore ? [step.combineScore] : []))
    expect(weights(args({ weight: 2 }))).toEqual([
      { weight: 2, reward: 'both' },
      { weight: 0, reward: 'safe' },
      { weight: 0, reward: 'vowels' },
    ])
    expect(weights(args({ weight: { safe: 1 } }))[1]).toEqual({ weight: 1, reward: 'safe' })
  })
  it('refuses a missing member', () => {
    expect(() => schedule(fakeModels(fakeLm(), [vowels, both]))).toThrow(
      new OptionError('Expected `both` to be an ensemble of other rewards (vowels), got `safe`'),
    )
  })
})

describe('ensembleReward', () => {
  it.each<[object, string]>([
    [{ of: ['a'] }, 'Expected `of` to be a list of two or more names of rewards, got `["a"]` (array)'],
    [{ of: ['a', 'a'] }, 'Expected each member once in `of`, got `a` twice'],
    [{ of: ['a', 'b'], by: 'max' }, 'Expected `by` to be one of sum, min, mean, got `max` (string)'],
    [{ of: ['a', 'b'], by: 'min', weight: { a: 1 } }, 'Expected `weight` beside `by` sum, got min'],
    [{ of: ['a', 'b'], c: 1 }, 'Expected `c` beside `by` mean, got sum'],
    [{ of: ['a', 'b'], scale: { c: 1 } }, 'Expected `scale` to name members (a, b), got `c`'],
    [{ of: ['a', 'b'], scale: { a: 0 } }, 'Expected `scale` to be numbers > 0 by member name, got `0` (number)'],
    [{ of: ['a', 'b'], mean: { a: 0 }, running: true }, 'Expected either `running` or `mean` and `scale`, got both'],
  ])('refuses %j', (options, message) => {
    expect(() => rewardByName('both', 'ensemble', options)).toThrow(new OptionError(message))
  })
  it('has a registry entry', () => {
    expect(ensembleReward('both', { of: ['a', 'b'], by: 'mean', running: true }).spec).toEqual({
      ensemble: { of: ['a', 'b'], by: 'mean', c: 1, running: true },
    })
  })
})
