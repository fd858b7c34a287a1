import { concat, ignoreElements } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { greedy } from '../../../pipelines/decoders/greedy.js'
import { perToken, type Search } from '../../../pipelines/decoding/decode.js'
import { generate } from '../../../pipelines/run/generate.js'
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
