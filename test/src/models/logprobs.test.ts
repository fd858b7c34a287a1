import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { BatchedLanguageModel } from '../../../src/core/batched.js'
import { logSumExp } from '../../../src/core/math.js'
import type { Sequence } from '../../../src/core/sequence.js'
import { batchedLanguageModel } from '../../../src/models/batchedModels.js'
import { type LoadedModel, loadModel } from '../../../src/models/loadModel.js'

const load = (path: string) =>
  loadModel(fileURLToPath(new URL(`../../../data/golden/${path}`, import.meta.url)), { head: 'lm', role: 'lm', threads: 1 })

/** Token ids from 3 to 200. */
const ids = (seed: number, length: number): number[] => Array.from({ length }, (_, i) => 3 + ((seed * 31 + i * i * 7) % 198))
const sequence = (seed: number, prompt: number, reply: number): Sequence => ({
  ...{ key: {}, promptId: `${seed}`, sample: 0, seed: 0, prompt: { text: '' } },
  promptTokenIds: ids(seed, prompt),
  tokenIds: ids(seed + 1, reply),
})
/** Replies over several pieces of 64 tokens, within one, at its edges, and of one token. */
const sequences = [
  [1, 1, 1],
  [2, 5, 150],
  [3, 63, 2],
  [4, 64, 64],
  [5, 65, 1],
  [6, 100, 30],
].map(([seed, prompt, reply]) => sequence(seed!, prompt!, reply!))

describe.each(['grouped/lm', 'gemma2/lm', 'mistral/lm'])('log-probabilities of replies by %s', (path) => {
  let loaded: LoadedModel
  let lm: BatchedLanguageModel
  beforeAll(async () => {
    loaded = await load(path)
    lm = batchedLanguageModel(loaded, 8)
  })
  afterAll(() => loaded.worker.close())

  it('are those of logits token by token', async () => {
    const found = await lm.logprobs!(sequences)
    for (const [index, { tokenIds, ...start }] of sequences.entries()) {
      expect(found[index]!.length).toBe(tokenIds.length)
      for (let step = 0; step < tokenIds.length; step += 7) {
        const so = { ...start, key: {}, tokenIds: tokenIds.slice(0, step) }
        const [logits] = await lm.run([{ sequence: so, need: 'all' }])
        expect(found[index]![step]).toBeCloseTo(logits!.values[tokenIds[step]!]! - logSumExp(logits!.values), 4)
        lm.release(so.key)
      }
    }
  })

  it('have the same bits alone and beside others', async () => {
    const fresh = () => sequences.map((one) => ({ ...one, key: {} }))
    const together = await lm.logprobs!(fresh())
    const alone: Float32Array[] = []
    for (const one of fresh()) alone.push((await lm.logprobs!([one]))[0]!)
    expect(alone).toEqual(together)
    expect(await lm.logprobs!(fresh().reverse())).toEqual(together.toReversed())
  })

  it('need a prompt and fit the context but for the last token', async () => {
    const { contextLength } = lm
    await expect(lm.logprobs!([sequence(1, 0, 4)])).rejects.toThrow('at least one token')
    await expect(lm.logprobs!([sequence(1, 4, contextLength - 2)])).rejects.toThrow('context length')
    const [full] = await lm.logprobs!([sequence(1, 4, contextLength - 3)])
    expect(full!.length).toBe(contextLength - 3)
  })
})

describe('an exported graph', () => {
  it('reads one position of a text, so it has no log-probabilities of replies', async () => {
    const loaded = await load('onnx-llama/lm')
    expect(batchedLanguageModel(loaded, 8).logprobs).toBeUndefined()
    await loaded.worker.close()
  })
})
