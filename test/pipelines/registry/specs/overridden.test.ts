import { describe, expect, it } from 'vitest'
import { overridden } from '../../../../pipelines/registry/specs/overridden.js'
import { OptionError } from '../../../../src/core/errors.js'

const spec = {
  name: 'mine',
  steps: [{ topK: { k: 10 } }, { batchReward: {} }, { combineScore: { weight: 1.5 } }, { selectGreedy: null }],
}

describe('overridden', () => {
  it('sets an option in the steps that have it, and nothing else', () => {
    expect(overridden(spec, { k: 3, weight: 2, temperature: undefined })).toEqual({
      name: 'mine',
      steps: [{ topK: { k: 3 } }, { batchReward: {} }, { combineScore: { weight: 2 } }, { selectGreedy: null }],
    })
    expect(spec.steps[0]).toEqual({ topK: { k: 10 } })
    const twice = { steps: [{ batchRewardPruned: { weight: 1 } }, { combineScore: { weight: 1 } }] }
    expect(overridden(twice, { weight: 0 }).steps).toEqual([
      { batchRewardPruned: { weight: 0 } },
      { combineScore: { weight: 0 } },
    ])
  })
  it('sets numbers by reward name', () => {
    const two = { steps: [{ combineScore: { reward: 'safe', weight: 1 } }, { combineScore: { reward: 'short', weight: 1 } }] }
    expect(overridden(two, { weight: { short: 0.5 } }).steps).toEqual([
      { combineScore: { reward: 'safe', weight: 1 } },
      { combineScore: { reward: 'short', weight: 0.5 } },
    ])
    expect(() => overridden(two, { weight: { kind: 1 } })).toThrow(
      new OptionError('Expected `weight` to name rewards of the steps (safe, short), got `kind`'),
    )
    expect(overridden(two, { weight: 2 }, 'safe').steps).toEqual([{ combineScore: { reward: 'safe', weight: 2 } }, two.steps[1]])
    expect(() => overridden(two, { weight: 2 })).toThrow(
      new OptionError('Expected `weight` by reward name (safe, short), got one value for all'),
    )
  })
  it('refuses options that no step has, and unregistered operators', () => {
    expect(() => overridden(spec, { temperature: 1 })).toThrow(
      new OptionError('No step takes `temperature`; the steps set k, weight'),
    )
    expect(() => overridden({ steps: [{ selectGreedy: {} }] }, { k: 1 })).toThrow('the steps set no options')
    expect(() => overridden({ steps: [{ custom: {} }, ...spec.steps] }, { k: 1 })).toThrow(OptionError)
    expect(overridden({ steps: [{ custom: {} }] }, {})).toEqual({ steps: [{ custom: {} }] })
  })
})
