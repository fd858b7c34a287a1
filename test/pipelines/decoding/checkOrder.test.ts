import { EMPTY, map } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { batchReward } from '../../../operators/batchReward.js'
import { combineScore } from '../../../operators/combineScore.js'
import { pruneCandidates } from '../../../operators/pruneCandidates.js'
import { sampleTemperature } from '../../../operators/sampleTemperature.js'
import { selectGreedy } from '../../../operators/selectGreedy.js'
import { topK } from '../../../operators/topK.js'
import { trace } from '../../../operators/trace.js'
import { steps } from '../../../pipelines/decoding/steps.js'
import { decoderFromSpec } from '../../../pipelines/registry/specs/decoderFromSpec.js'
import { described } from '../../../src/core/described.js'
import type { StepOperator } from '../../../src/core/step.js'

const chain = steps as (...operators: readonly unknown[]) => unknown
const reward = { name: 'r', score: () => [], value: () => [] }
const custom = map((step: unknown) => step)
const two = 'Expected one operator that chooses the token, got `selectGreedy` and '
const late = 'has no effect on the choice: `selectGreedy` before it has chosen the token already'

describe('steps', () => {
  it.each([
    ['no operators', [], 'Expected operators in `steps`, such as topK({ k: 10 }) and selectGreedy(), got none'],
    ['null', [null], 'Expected argument 1 of `steps` to be an operator, got `null` (null)'],
    [
      'an operator that is not called',
      [topK({ k: 1 }), selectGreedy],
      'Expected argument 2 of `steps` to be an operator, got the function `selectGreedy` itself; call it: selectGreedy(…)',
    ],
    ['a choice twice', [topK({ k: 2 }), selectGreedy(), selectGreedy()], `${two}\`selectGreedy\` after it`],
    ['two kinds of choice', [topK({ k: 2 }), selectGreedy(), sampleTemperature()], `${two}\`sampleTemperature\` after it`],
    ['a choice twice with one of your own between', [topK({ k: 2 }), selectGreedy(), custom, selectGreedy()], two],
    [
      'candidates cut after the choice',
      [topK({ k: 2 }), selectGreedy(), pruneCandidates({ margin: 1 })],
      `\`pruneCandidates\` ${late}`,
    ],
    [
      'scores after the choice',
      [topK({ k: 2 }), batchReward({ reward }), selectGreedy(), combineScore({ weight: 1 })],
      `\`combineScore\` ${late}`,
    ],
    ['a wrong order', [selectGreedy(), topK({ k: 2 })], '`selectGreedy` needs `scores`, which no step before it adds'],
    ['no choice', [topK({ k: 2 })], 'Expected the last steps to choose a token, such as `selectGreedy`; none does'],
  ])('refuses %s', (_, operators, message) => {
    expect(() => chain(...operators)).toThrow(message)
  })
  it('takes operators of your own in any place, one that only observes, and a reward that is read after the choice', () => {
    expect(() => chain(custom, selectGreedy())).not.toThrow()
    expect(() => chain(topK({ k: 2 }), custom)).not.toThrow()
    expect(() => chain(topK({ k: 2 }), trace({ onStep: () => undefined }), selectGreedy(), batchReward({ reward }))).not.toThrow()
  })
  it('names an operator that returns no observable', () => {
    const broken = described({ name: 'mine', options: {} }, (() => 5) as never)
    const decoder = chain(topK({ k: 2 }), broken, selectGreedy()) as StepOperator
    expect(() => decoder(EMPTY)).toThrow('Expected operator `mine` to return an observable, got `5` (number)')
  })
  it('refuses the same in a decoder as data, with its place', () => {
    const spec = { steps: [{ topK: { k: 2 } }, { selectGreedy: {} }, { selectGreedy: {} }] }
    expect(() => decoderFromSpec(spec)).toThrow(
      expect.objectContaining({ path: ['steps', 2, 'selectGreedy'], message: `${two}\`selectGreedy\` after it` }),
    )
  })
})
