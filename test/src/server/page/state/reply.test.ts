import { describe, expect, it } from 'vitest'
import {
  carriesReward,
  continuedFrom,
  isOverruled,
  isWeightedSum,
  type ShownCandidate,
  type ShownToken,
  surplusOf,
} from '../../../../../src/server/page/state/reply.js'

type Numbers = readonly [logit: number | null, score: number | null, reward?: number | null]

/** A token with one candidate for each row of numbers. */
function token(rows: readonly Numbers[], chosen: number, more: Partial<ShownToken> = {}): ShownToken {
  const candidates = rows.map(
    ([logit, score, reward], id): ShownCandidate => ({
      ...{ id, text: `t${id}`, logit, score },
      rewards: reward === undefined ? {} : { rm: reward },
    }),
  )
  return { ...candidates[chosen]!, delta: 't', candidates, chosen, ...more }
}

describe('isOverruled', () => {
  const lifted: readonly Numbers[] = [
    [3, 3, 0],
    [2, 5, 2],
    [1, 1.5, 0.5],
  ]
  it.each([
    ['a token that the reward lifted above the likeliest', token(lifted, 1), true],
    ['the likeliest token', token(lifted, 0), false],
    ['a token that sampling drew, below the likeliest', token(lifted, 2), false],
    ['a token that the reader took', token(lifted, 1, { picked: true }), false],
    [
      'a sampled token of a decoder without rewards',
      token(
        [
          [3, 3],
          [2, 2],
        ],
        1,
      ),
      false,
    ],
    [
      'a token of another score, without rewards',
      token(
        [
          [3, 1],
          [2, 2],
        ],
        1,
      ),
      false,
    ],
    [
      'a token whose rewards failed',
      token(
        [
          [3, 1, null],
          [2, 2, null],
        ],
        1,
      ),
      false,
    ],
    [
      'rewards of weight 0',
      token(
        [
          [3, 3, 0],
          [2, 2, 9],
        ],
        1,
      ),
      false,
    ],
    [
      'a token whose rival was pruned',
      token(
        [
          [3, null, null],
          [2, 5, 2],
        ],
        1,
      ),
      true,
    ],
  ])('%s', (_, one, expected) => expect(isOverruled(one)).toBe(expected))
})

describe('surplusOf', () => {
  const said = (...pieces: readonly (readonly [text: string, delta: string])[]): readonly ShownToken[] =>
    pieces.map(([text, delta]) => ({ ...token([[1, 1]], 0), text, delta }))
  it.each([
    ['nothing of a whole reply', said(['Hi', 'Hi'], ['.', '.']), [0, 0]],
    ['a stop string', said(['Hi', 'Hi'], ['\n', ''], ['Human', ''], [':', '']), [0, 1, 5, 1]],
    ['the end of a token that begins the stop string', said(['Hi.\n', 'Hi.'], ['Human', '']), [1, 5]],
    ['nothing of text that came later', said(['Hi', 'Hi'], ['\n', ''], ['you', '\nyou']), [0, 0, 0]],
    ['the token that ends a turn', said(['Hi', 'Hi'], ['<|end|>', '']), [0, 7]],
    ['a stop string after parts of a character', said(['\uFFFD', ''], ['\uFFFD', '你'], ['Human', '']), [0, 0, 5]],
    ['a part of a character that was never whole', said(['Hi', 'Hi'], ['\uFFFD', '']), [0, 1]],
  ])('counts %s', (_, tokens, expected) => expect(surplusOf(tokens)).toEqual(expected))

  it('is nothing before a candidate that the reader took', () => {
    const tokens = said(['Hi', 'Hi'], ['\n', ''], ['Human', ''])
    const { tokens: continued } = continuedFrom({ status: 'finished', tokens }, 2, 0)
    expect(continued.map(({ delta }) => delta)).toEqual(['Hi', '', '\nt0'])
  })
})

describe('the numbers of candidates', () => {
  it.each([
    [
      'logit + weight * reward',
      [
        [3, 4.5, 1],
        [2, 0.5, -1],
      ],
      true,
    ],
    ['the same within rounding', [[12.02, 16.82000001, 3.2]], true],
    [
      'no sum',
      [
        [3, 4.5, 1],
        [2, 2, -1],
      ],
      false,
    ],
    [
      'a sum, where a pruned candidate has no numbers',
      [
        [3, null, null],
        [2, 3.5, 1],
      ],
      true,
    ],
  ] as const)('are %s', (_, rows, expected) => expect(isWeightedSum(token(rows, 0), { rm: 1.5 })).toBe(expected))

  it('carry a reward if one candidate has it', () => {
    expect(
      carriesReward(
        token(
          [
            [3, 3, null],
            [2, 2, 0],
          ],
          0,
        ),
        'rm',
      ),
    ).toBe(true)
    expect(carriesReward(token([[3, 3, null]], 0), 'rm')).toBe(false)
    expect(carriesReward(token([[3, 3]], 0), 'rm')).toBe(false)
  })
})
