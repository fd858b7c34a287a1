import { cp, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { args } from '../pipelines/decoders/args.js'
import { greedy } from '../pipelines/decoders/greedy.js'
import { generate } from '../pipelines/run/generate.js'
import type { BatchedPairReward } from '../src/core/batched.js'
import type { Prompt } from '../src/core/prompt.js'
import type { Models } from '../src/core/run.js'
import type { Decoder } from '../src/core/step.js'
import { type LoadOptions, loadModels } from '../src/models/loadModels.js'
import { loadReward } from '../src/models/loadReward.js'

const golden = (name: string) => fileURLToPath(new URL(`../data/golden/${name}`, import.meta.url))
const lm = golden('onnx-llama/lm')
const reward = golden('onnx-llama/reward')

/** Some lengths are equal, and some prompts have several pieces. */
const prompts: readonly Prompt[] = ['How?', 'Why?', 'Who?', 'Is it so?', 'a'.repeat(70), 'b'.repeat(70), 'so '.repeat(50)].map(
  (text, index) => ({ id: `${index}`, content: { text } }),
)

const opened: Models[] = []
afterEach(async () => {
  for (const models of opened.splice(0)) await models.close()
})
const load = async (options: LoadOptions) => {
  const models = await loadModels({ threads: 2, ...options })
  opened.push(models)
  return models
}

async function answers(models: Models, decoder: Decoder, concurrency = 7, maxNewTokens = 6) {
  const source = async function* () {
    yield* prompts
  }
  const found = new Map<string, unknown>()
  for await (const row of generate(source(), decoder, models, { concurrency, maxNewTokens })) {
    const { id, error, tokenIds, logits, rewards, reward: whole } = row
    expect(error).toBeNull()
    found.set(id, { tokenIds, logits, rewards, whole })
  }
  return found
}

const refused = async (options: LoadOptions, message: RegExp) => {
  const error = await load(options).then(
    () => undefined,
    (reason: unknown) => reason as Error,
  )
  expect(error?.message).toMatch(message)
  expect(error?.message).not.toMatch(/\n/)
}

describe('an exported ONNX folder', () => {
  it.each([
    ['onnx/model.onnx'],
    ['onnx/decoder_model_merged.onnx'],
    ['onnx/model_gqa.onnx'],
    ['onnx/model_fp16.onnx'],
    ['onnx/model_q4.onnx'],
  ])('gives the same bits at any number of prompts at once: %s', async (name) => {
    const models = await load({ lm: join(lm, name), reward })
    const alone = await answers(models, args({ k: 5, weight: 1 }), 1)
    expect(alone.size).toBe(prompts.length)
    expect(await answers(models, args({ k: 5, weight: 1 }), 7)).toEqual(alone)
  })

  it('offers a graph by dtype or by name', async () => {
    const exact = await answers(await load({ lm }), greedy())
    const rounded = await answers(await load({ lm, dtype: 'q4' }), greedy())
    expect(rounded).not.toEqual(exact)
    expect(await answers(await load({ lm: join(lm, 'onnx/model_q4.onnx') }), greedy())).toEqual(rounded)
    expect(await answers(await load({ lm: join(lm, 'onnx/model.onnx') }), greedy())).toEqual(exact)
  })

  it('has a different hash for each of its graphs', async () => {
    const sums = await Promise.all(
      ['', 'onnx/decoder_model_merged.onnx', 'onnx/model_q4.onnx'].map(
        async (name) => (await load({ lm: join(lm, name) })).hashes.lm!.sha256,
      ),
    )
    expect(new Set(sums).size).toBe(3)
  })

  it('works with safetensors checkpoints as language model and as reward', async () => {
    const models = await load({ lm: golden('grouped/lm'), reward })
    expect((await answers(models, args({ k: 3, weight: 1 }))).size).toBe(prompts.length)
  })

  it('is refused for a wrong role, a missing dtype or a missing file', async () => {
    await refused({ lm: reward }, /Expected a language model for `lm`, got a reward model in .*onnx-llama.reward$/)
    await refused({ lm, reward: lm }, /Expected a reward model for `reward lm`, got a language model/)
    await refused(
      { lm, dtype: 'q8' },
      /Expected model_quantized\.onnx, .* in .* for dtype q8, got onnx.decoder_model_merged\.onnx, .*onnx.model_q4\.onnx\. Name a file, such as/,
    )
    await refused(
      { lm: join(lm, 'onnx/model.onnx'), dtype: 'q4' },
      /Expected no `dtype` beside an ONNX file.* got q4 for .*model\.onnx/,
    )
    await refused({ lm: join(lm, 'onnx/none.onnx') }, /Expected an ONNX file at .*none\.onnx, found nothing there/)
  })
})

describe('an exported graph of an encoder', () => {
  it('rewards pairs of prompt and completion like its safetensors checkpoint', async () => {
    const pairs = [
      ['How far is the moon?', ' 384,400 km'],
      ['Hello', ''],
      ['a', 'b'],
    ] as const
    const scored = async (name: string) => {
      const { source, close } = await loadReward({ name: 'r', path: golden(name) }, { threads: 1, maxBatch: 64 })
      const { encodePair, run } = source as BatchedPairReward
      const values = await run(pairs.map(([prompt, completion]) => [encodePair(prompt, completion)]))
      await close()
      return values.map(([value]) => value!)
    }
    const [ready, expected] = [await scored('onnx-encoder/reward'), await scored('cross-encoder/reward')]
    expect(new Set(expected).size).toBe(pairs.length)
    for (const [index, value] of expected.entries()) expect(Math.abs(ready[index]! - value)).toBeLessThan(1e-5)
  })

  it('is no language model', async () => {
    await refused({ lm: golden('onnx-encoder/reward') }, /Expected a language model for `lm`, got a reward model in/)
  })
})

/** The layout of the Python tools' cache: links in a snapshot, what they point to in one folder of blobs. */
async function asHubCache(source: string, cache: string): Promise<string> {
  const blobs = join(cache, 'models--org--name/blobs')
  const snapshot = join(cache, 'models--org--name/snapshots/0123abc')
  await mkdir(blobs, { recursive: true })
  const files = (await readdir(source, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
  for (const [index, { parentPath, name }] of files.entries()) {
    const inside = join(parentPath, name).slice(source.length + 1)
    const blob = `${index}f00d${basename(inside).length}`
    await cp(join(source, inside), join(blobs, blob))
    await mkdir(dirname(join(snapshot, inside)), { recursive: true })
    await symlink(join('../'.repeat(inside.split(/[\\/]/).length + 1), 'blobs', blob), join(snapshot, inside))
  }
  return snapshot
}

describe('a snapshot in the hub cache, with links into a folder of blobs', () => {
  let cache: string
  beforeEach(async () => {
    cache = await mkdtemp(join(tmpdir(), 'rxargs-hub-'))
  })
  afterEach(() => rm(cache, { recursive: true, force: true }))

  it.each([
    ['onnx-opt', 'an exported graph with its weights in another file'],
    ['onnx-llama', 'exported graphs in a folder of their own'],
    ['linear', 'shards of safetensors'],
    ['biased', 'one file of safetensors'],
  ])('answers like the folder itself: %s (%s)', async (name) => {
    const plain = await load({ lm: golden(`${name}/lm`), reward: golden(`${name}/reward`) })
    const linked = await load({
      lm: await asHubCache(golden(`${name}/lm`), join(cache, 'lm')),
      reward: await asHubCache(golden(`${name}/reward`), join(cache, 'reward')),
    })
    expect(linked.hashes.lm!.sha256).toBe(plain.hashes.lm!.sha256)
    const decoder = args({ k: 4, weight: 1 })
    expect(await answers(linked, decoder)).toEqual(await answers(plain, decoder))
  })
})
