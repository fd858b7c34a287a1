import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { args } from '../../../../../pipelines/decoders/args.js'
import { generate } from '../../../../../pipelines/run/generate.js'
import type { Prompt } from '../../../../../src/core/prompt.js'
import type { Models, Row } from '../../../../../src/core/run.js'
import { loadModels } from '../../../../../src/models/loadModels.js'
import { goldenFolder } from '../graphSession.js'

const CONTEXT = 320

/** The table of positions ends with the context: one step too far is an error of the runtime. */
describe.each(['gpt2', 'opt', 'opt-350m'])('positions of %s', (pair) => {
  let models: Models
  beforeAll(async () => {
    const path = (role: string) => join(goldenFolder, pair, role)
    models = await loadModels({ lm: path('lm'), reward: path('reward'), threads: 1 })
  })
  afterAll(() => models?.close())

  const decoded = async (text: string) => {
    async function* prompts(): AsyncGenerator<Prompt> {
      yield { id: 'a', content: { text } }
    }
    const rows: Row[] = []
    const endless = { ...models, lm: { ...models.lm, endTokenIds: [] } }
    // With a limit of its own, a prompt may leave less room than `maxNewTokens`.
    const options = { maxNewTokens: 100, maxPromptTokens: CONTEXT - 1 }
    for await (const row of generate(prompts(), args({ k: 4 }), endless, options)) rows.push(row)
    return rows[0]!
  }

  it('reach the end of the table, candidates included', async () => {
    const row = await decoded('a box and '.repeat(75))
    expect(row).toMatchObject({ finishReason: 'length', error: null })
    expect(row.tokenIds!.length).toBeGreaterThan(5)
    expect(row.promptTokenIds!.length + row.tokenIds!.length).toBe(CONTEXT)
  })

  it('refuse a longer prompt', async () => {
    expect((await decoded('a box and '.repeat(200))).error).toContain(`no room in the context of ${CONTEXT}`)
  })
})
