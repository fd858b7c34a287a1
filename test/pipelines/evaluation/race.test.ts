import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type PromptScores, raceRound, raceRounds } from '../../../pipelines/evaluation/race.js'
import { seeded } from '../../../test/src/eval/eval.js'
import { tries } from '../../fastCheck.js'

const scoresOf = (values: readonly number[]): PromptScores => new Map(values.map((value, index) => [`p${index}`, value]))
const one = { entries: 2, rounds: 1 }

describe('raceRounds', () => {
  it.each([
    [1, [1]],
    [16, [16]],
    [23, [23]],
    [24, [16, 24]],
    [60, [16, 32, 60]],
    [200, [16, 32, 64, 128, 200]],
  ])('of %d prompts are %j', (prompts, rounds) => expect(raceRounds(prompts)).toEqual(rounds))
})

describe('raceRound', () => {
  it('leaves a setting behind that is worse on prompt after prompt, however much prompts differ', () => {
    const { normal } = seeded(1)
    const hard = Array.from({ length: 16 }, () => 100 * normal())
    const good = scoresOf(hard.map((value) => value + 1 + 0.3 * normal()))
    const bad = scoresOf(hard.map((value) => value + 0.3 * normal()))
    expect(
      raceRound(
        new Map([
          ['bad', bad],
          ['good', good],
        ]),
        one,
      ),
    ).toEqual({ leader: 'good', behind: ['bad'] })
  })

  it('compares on the prompts that all settings have', () => {
    const scores = new Map([
      ['a', scoresOf([1, 1, 1])],
      ['b', new Map([...scoresOf([0, 0, 0]), ['p9', 100]])],
    ])
    expect(raceRound(scores, one).leader).toBe('a')
    expect(raceRound(new Map([...scores, ['c', new Map([['other', 5]])]]), one)).toEqual({ leader: 'a', behind: [] })
  })

  const table = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 24 })).chain(([settings, prompts]) =>
    fc.array(fc.array(fc.integer({ min: -50, max: 50 }), { minLength: prompts, maxLength: prompts }), {
      minLength: settings,
      maxLength: settings,
    }),
  )
  const entries = (rows: readonly (readonly number[])[]) =>
    new Map(rows.map((values, index) => [`s${index}`, scoresOf(values)] as readonly [string, PromptScores]))

  it('never leaves the leader behind, nor a setting with the same scores', () =>
    fc.assert(
      fc.property(table, (rows) => {
        const scores = entries(rows)
        const found = raceRound(new Map([...scores, ['twin', scores.get(raceRound(scores, one).leader)!]]), one)
        expect(found.behind).not.toContain(found.leader)
        expect(found.behind).not.toContain('twin')
      }),
      { numRuns: tries(100) },
    ))

  it('decides the same when every prompt is easier or harder by an amount of its own', () =>
    fc.assert(
      fc.property(table, fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 24, maxLength: 24 }), (rows, shifts) => {
        const shifted = rows.map((values) => values.map((value, index) => value + shifts[index]!))
        expect(raceRound(entries(shifted), one)).toEqual(raceRound(entries(rows), one))
      }),
      { numRuns: tries(100) },
    ))

  it('leaves no more behind when there are more settings and rounds to be right about', () =>
    fc.assert(
      fc.property(table, (rows) => {
        const [few, many] = [raceRound(entries(rows), one), raceRound(entries(rows), { entries: 20, rounds: 5 })]
        expect(few.behind).toEqual(expect.arrayContaining([...many.behind]))
      }),
      { numRuns: tries(100) },
    ))

  it('loses the best setting in at most 5% of races', () => {
    const { normal } = seeded(7)
    const races = 200
    let lost = 0
    for (let race = 0; race < races; race++) {
      // The first is the best by so little that chance decides who leads.
      const rows = Array.from({ length: 8 }, (_, setting) =>
        Array.from({ length: 64 }, () => normal() + (setting === 0 ? 0.01 : 0)),
      )
      const isLost = [16, 32, 64].some((size) => {
        const scores = entries(rows.map((values) => values.slice(0, size)))
        return raceRound(scores, { entries: 8, rounds: 3 }).behind.includes('s0')
      })
      if (isLost) lost++
    }
    expect(lost / races).toBeLessThanOrEqual(0.05)
  })
})
