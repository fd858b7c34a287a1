import type { BatchedLanguageModel, BatchedRewardModel, LogitsCall, RewardCall } from '../src/core/batched.js'
import type { Logits, TextCodec } from '../src/core/model.js'
import type { Prompt } from '../src/core/prompt.js'
import type { Models, Run } from '../src/core/run.js'
import type { Sequence } from '../src/core/sequence.js'

/** Each character is a token: its id is its code point, below `END`. `END` is the end token, and `<s>` has no text. */
export const END = 127

export const charCodec = (fingerprint = 'chars'): TextCodec => ({
  encode: (text) => Array.from(text, (char) => char.charCodeAt(0) % 128),
  decode: (tokenIds, skipSpecial) =>
    tokenIds.map((id) => (id === END ? (skipSpecial ? '' : '<end>') : String.fromCharCode(id))).join(''),
  render: (messages) => `${messages.map(({ role, content }) => `${role}: ${content}\n`).join('')}assistant: `,
  vocabSize: 128,
  fingerprint,
})

/** A number in [-4, 4) that depends on the tokens alone. */
const hashed = (tokenIds: readonly number[], salt: number): number => {
  let h = salt
  for (const id of tokenIds) h = (Math.imul(h ^ id, 0x01000193) + 0x9e37) | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 29 - 4
}

export const logitsOf = (tokenIds: readonly number[], endLogit: number): Float32Array =>
  Float32Array.from({ length: 128 }, (_, id) => {
    if (id < 32) return -9
    return hashed([...tokenIds.slice(-3), id], 7) + (id === END ? endLogit : 0)
  })

export type Watched<T> = T & { batches: number[]; held: Set<object>; released: object[] }

export type FakeOptions = Readonly<{
  maxBatch?: number
  contextLength?: number
  /** Lead of the end token over the others. At 0.5 about one step in fifteen chooses it. */
  endLogit?: number
  stopStrings?: readonly string[]
  codec?: TextCodec
  name?: string
  delay?: (size: number) => Promise<unknown>
  fails?: (tokenIds: readonly number[]) => boolean
}>

const whole = ({ promptTokenIds, tokenIds }: Sequence): number[] => [...promptTokenIds, ...tokenIds]

export function fakeLm(options: FakeOptions = {}): Watched<BatchedLanguageModel> {
  const { maxBatch = 16, contextLength = 4096, endLogit = -9, stopStrings = [], codec = charCodec(), delay, fails } = options
  const batches: number[] = []
  const held = new Set<object>()
  const released: object[] = []
  return {
    capabilities: { all: true, maxTop: codec.vocabSize, hiddenStates: true, unit: 'logit' },
    codec,
    contextLength,
    endTokenIds: [END],
    stopStrings,
    maxBatch,
    batches,
    held,
    released,
    run: async (calls: readonly LogitsCall[]): Promise<Logits[]> => {
      batches.push(calls.length)
      if (calls.length > maxBatch) throw new Error(`batch of ${calls.length}`)
      // As in a worker, a release that comes meanwhile is heard afterwards.
      for (const { sequence } of calls) held.add(sequence.key)
      await delay?.(calls.length)
      if (fails && calls.some(({ sequence }) => fails(whole(sequence)))) throw new Error('the model failed')
      return calls.map(({ sequence }) => ({ values: logitsOf(whole(sequence), endLogit) }))
    },
    hiddenStates: async (calls) =>
      calls.map(({ sequence, candidateIds }) => {
        const tokenIds = whole(sequence)
        const prefixes = [
          ...tokenIds.map((_, i) => tokenIds.slice(0, i + 1)),
          ...Array.from(candidateIds, (id) => [...tokenIds, id]),
        ]
        return prefixes.map((prefix) => Float32Array.from({ length: 4 }, (_, i) => hashed(prefix.slice(-3), 13 + i)))
      }),
    release: (key) => {
      released.push(key)
      held.delete(key)
    },
  }
}

export function fakeRm(options: FakeOptions = {}): Watched<BatchedRewardModel> {
  const { maxBatch = 16, contextLength = 4096, codec = charCodec(), name = 'fake', delay } = options
  const batches: number[] = []
  const held = new Set<object>()
  const released: object[] = []
  return {
    kind: 'tokens',
    name,
    codec,
    contextLength,
    maxBatch,
    batches,
    held,
    released,
    run: async (calls: readonly RewardCall[]) => {
      batches.push(calls.length)
      if (calls.length > maxBatch) throw new Error(`batch of ${calls.length}`)
      for (const { key } of calls) held.add(key)
      await delay?.(calls.length)
      return calls.map(({ tokenIds, branches }) => Float32Array.from(branches, (branch) => hashed([...tokenIds, ...branch], 11)))
    },
    release: (key) => {
      released.push(key)
      held.delete(key)
    },
  }
}

const codec = charCodec()

/** A sequence of characters as tokens. */
export const sequenceOf = (prompt: string, completion: string, more: Partial<Sequence> = {}): Sequence => ({
  key: {},
  promptId: prompt,
  sample: 0,
  seed: 0,
  prompt: { text: prompt },
  promptTokenIds: codec.encode(prompt, true),
  tokenIds: codec.encode(completion, false),
  ...more,
})
/** Characters as token ids. */
export const ids = (text: string): Int32Array => Int32Array.from(codec.encode(text, false))

/** A reward model that records its calls. Its reward is the number of tokens of a branch. */
export const recording = (more: Partial<BatchedRewardModel> = {}) => {
  const calls: RewardCall[] = []
  const model: BatchedRewardModel = {
    ...fakeRm({ codec: charCodec('other') }),
    run: async (batch) => {
      calls.push(...batch)
      return batch.map(({ branches }) => Float32Array.from(branches, (branch) => branch.length))
    },
    ...more,
  }
  return { calls, model }
}

export const fakeModels = (lm: BatchedLanguageModel = fakeLm(), rewards: Models['rewards'] = [fakeRm()]): Models => ({
  lm,
  rewards,
  hashes: {},
  close: async () => {},
})

export async function* promptsOf(texts: Iterable<string | Prompt>): AsyncGenerator<Prompt> {
  let number = 0
  for (const text of texts) {
    number++
    yield typeof text === 'string' ? { id: `p${number}`, place: `prompts.jsonl:${number}`, content: { text } } : text
  }
}

export async function rowsOf<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const row of rows) all.push(row)
  return all
}

/** The language model of a run that was cancelled after `batches` batches, once its running batch has finished. */
export async function cancelAfter(
  batches: number,
  runOf: (lm: BatchedLanguageModel) => Run,
): Promise<Watched<BatchedLanguageModel>> {
  const lm = fakeLm()
  await new Promise<void>((resolve, reject) => {
    const run = async (calls: readonly LogitsCall[]): Promise<Logits[]> => {
      const logits = await lm.run(calls)
      if (lm.batches.length === batches) {
        rows.unsubscribe()
        setTimeout(resolve)
      }
      return logits
    }
    const complete = () => reject(new Error('the run was over before it was left'))
    const rows = runOf({ ...lm, run })
      .rows()
      .subscribe({ complete, error: reject })
  })
  return lm
}

/** Rows by id and sample, without times. */
export const settled = <T extends { id: string; sample: number }>(rows: readonly T[]) =>
  rows
    .map((row) => ({ ...row, startedAt: 0, durationMs: 0 }))
    .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : a.sample - b.sample))
