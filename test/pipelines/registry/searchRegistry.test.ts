import { describe, expect, it } from 'vitest'
import { searchByName, searches } from '../../../pipelines/registry/searchRegistry.js'
import { schedule } from '../../../pipelines/schedule/schedule.js'
import { OptionError } from '../../../src/core/errors.js'
import { fakeLm, fakeModels } from '../../fakes.js'

describe('searchByName', () => {
  it('makes each search with its defaults', () => {
    expect(Object.keys(searches)).toEqual(['best-of-n', 'guided-best-of-n', 'block-best-of-n', 'rollout', 'cards', 'beam'])
    for (const name of Object.keys(searches)) expect(searchByName(name).search).toBeTypeOf('function')
  })

  it('refuses models without a reward if a search needs one', () => {
    const models = schedule(fakeModels(fakeLm(), []))
    for (const [name, { needsReward }] of Object.entries(searches)) {
      const bind = () => searchByName(name).search(models)
      if (needsReward) expect(bind).toThrow(OptionError)
      else expect(bind).not.toThrow()
    }
  })

  it('refuses an unknown name, and names an unknown option', () => {
    expect(() => searchByName('rolout')).toThrow(
      new OptionError(
        'Expected `search` to be one of best-of-n, guided-best-of-n, block-best-of-n, rollout, cards, beam, got `rolout` (did you mean `rollout`?)',
      ),
    )
    expect(() => searchByName('constructor')).toThrow(OptionError)
    expect(() => searchByName('beam', { k: 2, beams: undefined })).toThrow(
      new OptionError('Search `beam` takes no option `k`; it takes beams, lengthPenalty'),
    )
    expect(() => searchByName('rollout', { k: 0 })).toThrow('Expected `k` to be an integer >= 1, got `0` (number)')
  })
})
