import { concat, ignoreElements, map } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { topK } from '../../../operators/topK.js'
import { greedy } from '../../../pipelines/decoders/greedy.js'
import { perToken, type Search } from '../../../pipelines/decoding/decode.js'
import { steps } from '../../../pipelines/decoding/steps.js'
import { generate } from '../../../pipelines/run/generate.js'
import type { Candidates, Selected } from '../../../src/core/step.js'
import { fakeModels, promptsOf, rowsOf, settled } from '../../fakes.js'

describe('perToken', () => {
  it('turns a decoder into a search with the same rows', async () => {
    const twice: Search = {
      search: (models) => {
        const { steps, need } = perToken(greedy()).search(models)
        return { need, steps: (start, finish) => concat(steps(start, finish).pipe(ignoreElements()), steps(start, finish)) }
      },
    }
    const found = generate(promptsOf(['a']), twice, fakeModels(), { maxNewTokens: 4 })
    expect(found.meta.spec).toMatchObject({ decoder: { steps: [{ custom: {} }] } })
    const plain = generate(promptsOf(['a']), greedy(), fakeModels(), { maxNewTokens: 4 })
    expect(settled(await rowsOf(found))).toEqual(settled(await rowsOf(plain)))
  })

  it('has the spec and the need of its decoder', () => {
    const { spec, need } = perToken(greedy()).search({ lm: {} as never, lms: new Map(), rewards: new Map() })
    expect({ spec, need }).toEqual({ spec: { steps: [{ topK: { k: 1 } }, { selectGreedy: {} }] }, need: 1 })
  })
})

it.each([
  ['nothing', undefined, 'got nothing'],
  ['a token alone', { tokenId: 1 }, 'got `{"tokenId":1}` (object)'],
])('a decoder without `steps` that returns %s makes an error row', async (_, step, got) => {
  const [row] = await rowsOf(generate(promptsOf(['a']), () => map(() => step as unknown as Selected), fakeModels()))
  expect(row!.error).toBe(`Expected the decoder to return a step with its \`sequence\`, ${got}`)
})

describe('a chooser of your own', () => {
  const rowWith = async (choice: object) => {
    const choose = map((step: Candidates) => ({ ...step, ...choice }) as unknown as Selected)
    const [row] = await rowsOf(generate(promptsOf(['a']), () => steps(topK({ k: 2 }), choose), fakeModels(), { maxNewTokens: 1 }))
    return row!
  }
  it.each([
    ['a token that is no candidate', { index: 0, tokenId: 1 }, 'the place of the chosen token 1 among the candidates, got 0'],
    [
      'a token without candidates',
      { index: 0, tokenId: 1, tokenIds: undefined, tokenLogits: undefined, scores: undefined },
      'the place of the chosen token 1 among the candidates, got 0',
    ],
    ['a token without its index', { tokenId: 1 }, 'the place of the chosen token 1 among the candidates, got undefined'],
    [
      'a token beyond the vocabulary',
      { index: 0, tokenId: 128 },
      'Expected a token id below 128, the size of the vocabulary, got 128',
    ],
    ['an index without its token', { index: 0 }, 'Expected a token id, got undefined'],
  ])('makes an error row of %s', async (_, choice, message) => {
    expect((await rowWith(choice)).error).toContain(message)
  })
})
