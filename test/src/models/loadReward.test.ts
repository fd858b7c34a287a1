import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { args } from '../../../pipelines/decoders/args.js'
import { rewardMeasure } from '../../../pipelines/evaluation/measures.js'
import { generate } from '../../../pipelines/run/generate.js'
import type { BatchedPairReward } from '../../../src/core/batched.js'
import { ModelError, OptionError, RewardError } from '../../../src/core/errors.js'
import type { Reply } from '../../../src/core/run.js'
import { loadModels } from '../../../src/models/loadModels.js'
import { loadReward } from '../../../src/models/loadReward.js'
import { promptsOf, rowsOf, settled } from '../../fakes.js'

const golden = (path: string) => fileURLToPath(new URL(`../../../data/golden/${path}`, import.meta.url))
const options = { threads: 1, maxBatch: 64 }
const load = (path: string, label?: string) =>
  loadReward({ name: 'r', path: golden(path), ...(label !== undefined && { label }) }, options)

describe('an encoder as a reward', () => {
  it('gives the logit of a label', async () => {
    const one = await load('encoders/roberta-classifier', 'threat')
    const other = await load('encoders/roberta-classifier', '0')
    const pair = (one.source as BatchedPairReward).encodePair('How far', ' is it?')
    const values = await Promise.all([one, other].map(({ source }) => (source as BatchedPairReward).run([[pair]])))
    expect([one.label, other.label]).toEqual(['threat', 'toxic'])
    expect(values[0]).not.toEqual(values[1])
    await Promise.all([one.close(), other.close()])
    await expect(load('encoders/roberta-classifier')).rejects.toThrow(/a label for `reward r`.*`toxic` \(0\)/)
    await expect(load('encoders/bert-classifier', 'threat')).rejects.toThrow(OptionError)
  })

  it('refuses an encoder without a classifier', async () => {
    await expect(load('encoders/bert')).rejects.toThrow(ModelError)
    await expect(load('encoders/bert')).rejects.toThrow(/a reward model for `reward r`, got an encoder without a classifier/)
    await expect(loadModels({ lm: golden('encoders/bert') })).rejects.toThrow(/a decoder in .*, got the encoder `BertModel`/)
  })

  it('refuses a pair longer than its context, and cuts nothing', async () => {
    const { source, close } = await load('encoders/bert-classifier')
    const { encodePair } = source as BatchedPairReward
    const reply: Reply = { id: 'a', sample: 0, prompt: 'a '.repeat(100), completion: 'a '.repeat(60) } as Reply
    expect(() => encodePair(reply.prompt!, reply.completion!)).toThrow(RewardError)
    expect(() => encodePair(reply.prompt!, reply.completion!)).toThrow(/context of 160 tokens, prompt and completion have 163/)
    const fits = { ...reply, completion: 'a' }
    const [long, short] = await rewardMeasure(source).measure([reply, fits])
    expect([Number.isNaN(long), Number.isFinite(short)]).toEqual([true, true])
    await close()
  })

  it('refuses a pair without any token', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rxargs-pair-'))
    await cp(golden('encoders/bert-classifier'), folder, { recursive: true })
    const file = join(folder, 'tokenizer.json')
    await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), post_processor: null }))
    const { source, close } = await loadReward({ name: 'r', path: folder }, options)
    expect(() => (source as BatchedPairReward).encodePair('', '')).toThrow(/`r` cannot read an empty text/)
    expect((source as BatchedPairReward).encodePair('', 'a').tokenIds).toHaveLength(1)
    await close()
    await rm(folder, { recursive: true, force: true })
  })

  it('gives the same bits at any concurrency', async () => {
    const reward = { name: 'r', path: golden('cross-encoder/reward') }
    const models = await loadModels({ lm: golden('grouped/lm'), reward, threads: 1 })
    const prompts = Array.from({ length: 7 }, (_, i) => 'How far is the moon? '.repeat(1 + i))
    const run = async (concurrency: number) =>
      settled(await rowsOf(generate(promptsOf(prompts), args({ k: 4 }), models, { maxNewTokens: 6, concurrency, trace: true })))
    expect(await run(7)).toEqual(await run(1))
    await models.close()
  })
})
