import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { args } from '../pipelines/decoders/args.js'
import { generate } from '../pipelines/run/generate.js'
import type { BatchedRewardModel } from '../src/core/batched.js'
import type { Prompt } from '../src/core/prompt.js'
import type { Models, Row } from '../src/core/run.js'
import { loadModels } from '../src/models/loadModels.js'

const golden = (name: string) => fileURLToPath(new URL(`../data/golden/biased/${name}`, import.meta.url))

/** The golden pair, but the reward model reads bytes: its tokenizer has no merges. */
describe('a reward model with another tokenizer', () => {
  let folder: string
  let models: Models
  const read: number[] = []
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rxargs-tokenizer-'))
    await cp(golden('reward'), folder, { recursive: true })
    const tokenizer = JSON.parse(await readFile(join(folder, 'tokenizer.json'), 'utf8'))
    tokenizer.model.merges = []
    await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer))
    models = await loadModels({
      lm: golden('lm'),
      reward: { name: 'bytes', path: folder },
      threads: 1,
      onRun: (model, { tokens }) => model === 'bytes' && read.push(tokens),
    })
  })
  afterAll(async () => {
    await models?.close()
    await rm(folder, { recursive: true, force: true })
  })

  /** The reward of a text read at once, from an empty cache. */
  async function afresh(text: string): Promise<number> {
    const reward = models.rewards[0] as BatchedRewardModel
    const key = {}
    const [value] = await reward.run([{ key, tokenIds: reward.codec.encode(text, true), branches: [[]] }])
    reward.release(key)
    return value![0]!
  }

  it('scores each candidate as text, and warns once that it is slower', async () => {
    async function* prompts(): AsyncGenerator<Prompt> {
      for (const text of ['\n\nHuman: How far is the moon?\n\nAssistant:', 'Grüße, and 東京.'] as const)
        yield { id: text, content: { text } }
    }
    const notices: string[] = []
    const rows: Row[] = []
    const options = { maxNewTokens: 6, trace: true, onNotice: (notice: string) => notices.push(notice) }
    for await (const row of generate(prompts(), args({ k: 5 }), models, options)) rows.push(row)

    expect(notices).toEqual([expect.stringMatching(/`bytes` has a different tokenizer .* slower/)])
    expect(rows.map(({ error }) => error)).toEqual([null, null])
    for (const { prompt, promptTokenIds, tokenIds, completion, reward, trace } of rows) {
      const textOf = (ids: readonly number[]) =>
        models.lm.codec.decode([...promptTokenIds!, ...ids], true).replace(/\uFFFD+$/u, '')
      expect(reward).toBeCloseTo(await afresh(`${prompt}${completion}`.replace(/\uFFFD+$/u, '')), 4)
      for (const [step, { tokenIds: candidates, rewards }] of trace!.entries()) {
        for (const [i, candidate] of candidates.entries())
          expect(rewards![i]).toBeCloseTo(await afresh(textOf([...tokenIds!.slice(0, step), candidate])), 4)
      }
    }
  })

  it('reads only the new part of the text at each step', async () => {
    const text = `\n\nHuman: ${'How far is the moon? '.repeat(12)}\n\nAssistant:`
    async function* prompts(): AsyncGenerator<Prompt> {
      yield { id: 'long', content: { text } }
    }
    read.length = 0
    for await (const row of generate(prompts(), args({ k: 5 }), models, { maxNewTokens: 8 })) expect(row.error).toBeNull()
    const whole = text.length
    const first = read.findIndex((_, run) => read.slice(0, run + 1).reduce((sum, tokens) => sum + tokens, 0) >= whole)
    // After the prompt: the branches of five candidates, and the tokens of the chosen one.
    expect(read.slice(first + 1).length).toBeGreaterThanOrEqual(7)
    expect(Math.max(...read.slice(first + 1))).toBeLessThan(64)
  })
})
