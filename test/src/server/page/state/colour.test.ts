import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { colourScale, levelOf, REACH, shownReward } from '../../../../../src/server/page/state/colour.js'
import { type Example, exampleRun } from '../../../../../src/server/page/state/example.js'
import { extentOf, linePath, ticksOf } from '../../../../../src/server/page/state/plot.js'
import { isOverruled, replySoFar, type ShownReply } from '../../../../../src/server/page/state/reply.js'

const rm = [{ name: 'rm', weight: 1.5 }]
const reply = (...rewards: readonly (number | null)[]): ShownReply => ({
  status: 'finished',
  tokens: rewards.map((value, id) => {
    const own = { id, text: 'a', logit: 0, score: 0, rewards: { rm: value } }
    return { ...own, delta: 'a', candidates: [own], chosen: 0 }
  }),
})

describe('the colour of a token', () => {
  it('goes from the lowest reward to the highest of both replies', () => {
    const scale = colourScale([reply(-6, 0), reply(2, null)], rm)
    expect([-6, -2, 2, 99, -99].map((value) => levelOf(value, scale))).toEqual([-4, 0, 4, 4, -4])
  })

  it.each([
    ['the reward itself, if it is the only one', rm, 2],
    ['the weighted sum of several', [...rm, { name: 'other', weight: -1 }], 2.5],
    ['none, if one is missing', [...rm, { name: 'lost', weight: 1 }], undefined],
    ['none without rewards', [], undefined],
  ])('shows %s', (_, weighted, expected) => expect(shownReward({ rewards: { rm: 2, other: 0.5 } }, weighted)).toBe(expected))

  it('is one of nine steps, higher for a higher reward, also where all are alike', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true, min: -1e6, max: 1e6 })), (values) => {
        const scale = colourScale([reply(...values)], rm)
        const levels = values.sort((one, other) => one - other).map((value) => levelOf(value, scale))
        expect(levels.every((level) => Number.isInteger(level) && Math.abs(level) <= REACH)).toBe(true)
        expect(levels).toEqual(levels.toSorted((one, other) => one - other))
      }),
    )
  })
})

describe('the plot', () => {
  it.each([
    [{ low: -9.2, high: 5.6 }, [-5, 0, 5]],
    [{ low: 0, high: 1 }, [0, 0.5, 1]],
    [{ low: 0.1, high: 0.12 }, [0.1, 0.105, 0.11, 0.115, 0.12]],
  ])('has round numbers within %o', (extent, ticks) => expect(ticksOf(extent, 4)).toEqual(ticks))

  it('has room around one value', () => expect(extentOf([3, 3])).toEqual({ low: 2, high: 4 }))

  it('leaves a gap where a reward is missing', () =>
    expect(
      linePath(
        [1, 2, undefined, 3],
        (x) => x,
        (y) => y,
      ),
    ).toBe('M0.0 1.0L1.0 2.0M3.0 3.0'))
})

describe('the recorded example', () => {
  const path = new URL('../../../../../src/server/page/example.json', import.meta.url)
  const { replies, recordedOf, settings } = exampleRun(JSON.parse(readFileSync(path, 'utf8')) as Example)

  it('is a whole run of both sides, in which the reward overrules greedy decoding', () => {
    expect(recordedOf).toBe('chat-lm')
    for (const one of Object.values(replies)) {
      expect(one.status).toBe('finished')
      expect(replySoFar(one).length).toBeGreaterThan(20)
      expect(one.tokens.every(({ candidates }) => candidates.length === settings.k)).toBe(true)
    }
    expect(replies.greedy.tokens.some(isOverruled)).toBe(false)
    expect(replies.guided.tokens.some(isOverruled)).toBe(true)
    expect(replies.guided.rewards!['chat-rm']).toBeGreaterThan(replies.greedy.rewards!['chat-rm']!)
  })
})
