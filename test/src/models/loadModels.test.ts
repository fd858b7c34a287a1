import { describe, expect, it } from 'vitest'
import { OptionError } from '../../../src/core/errors.js'
import { type LoadOptions, loadModels } from '../../../src/models/loadModels.js'

describe('loadModels refuses before anything is loaded', () => {
  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'Expected `lm` to be the path of a model, ORG/NAME, or a server with its `url`, got nothing'],
    ['no language model', {}, 'Expected `lm` to be the path of a model, ORG/NAME, or a server with its `url`, got nothing'],
    ['an empty path', { lm: '' }, 'Expected `lm` to be the path'],
    ['a number as a path', { lm: 5 }, 'got `5` (number)'],
    ['further models that are no paths', { lm: 'm', lms: { big: 3 } }, 'Expected `lms` to be paths of models by name'],
    ['a reward that is none', { lm: 'm', reward: 3 }, 'Expected `reward` to be a reward or a list of rewards'],
    ['one of several', { lm: 'm', reward: ['r', {}] }, 'Expected `reward` to be a reward or a list of rewards'],
    ['a misspelt option', { lm: 'm', rewards: 'r' }, 'Unknown option `rewards` of `loadModels` (did you mean `reward`?)'],
    ['a dtype that is not there', { lm: 'm', dtype: 'q2' }, 'Expected `dtype` to be one of fp32, fp16, q8, q4'],
    ['no threads', { lm: 'm', threads: 0 }, 'Expected `threads` to be an integer >= 1'],
    ['what is no function', { lm: 'm', onNotice: true }, 'Expected `onNotice` to be a function'],
  ])('%s', async (_, options, message) => {
    const refused = loadModels(options as LoadOptions)
    await expect(refused).rejects.toThrow(OptionError)
    await expect(refused).rejects.toThrow(message)
  })
})
