import { describe, expect, it } from 'vitest'
import { args } from '../../pipelines/decoders/args.js'
import { generate } from '../../pipelines/generate.js'
import { fakeModels, promptsOf, rowsOf } from '../fakes.js'

describe('generate', () => {
  it('gives one row a prompt', async () => {
    const rows = await rowsOf(generate(promptsOf(['Hello', 'World', 'abc']), args({ k: 5 }), fakeModels(), { maxNewTokens: 8 }))
    expect(rows.map(({ id, finishReason, completionTokens }) => [id, finishReason, completionTokens])).toEqual([
      ['p1', 'length', 8],
      ['p2', 'length', 8],
      ['p3', 'length', 8],
    ])
    expect(rows[0]).toMatchObject({ prompt: 'Hello', error: null, promptTokens: 5, seed: 0 })
    expect(rows[0]!.completion).toHaveLength(8)
    expect(rows[0]!.rewards).toHaveLength(8)
  })
})
