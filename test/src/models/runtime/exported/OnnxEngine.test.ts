import type { InferenceSession } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import type { OnnxContract } from '../../../../../src/models/onnx/onnxContract.js'
import type { ModelCall } from '../../../../../src/models/runtime/call.js'
import { CHUNK } from '../../../../../src/models/runtime/decoder/passes.js'
import { OnnxEngine } from '../../../../../src/models/runtime/exported/OnnxEngine.js'

const mixed = (token: number, position: number): number => ((token + 1) * 37 + (position + 1) * (token + 13) * 53) % 1_021
/** What a model that had read these tokens, and these only, says of the last one. */
const meaning = (tokens: readonly number[]): number => tokens.reduce((sum, token, position) => sum + mixed(token, position), 0)

type Feed = { data: ArrayLike<number | bigint | boolean>; dims: readonly number[] }
type Run = { B: number; S: number; T: number; names: readonly string[]; cached?: boolean }

const HALF = { past: 'past_key_values.0.key', present: 'present.0.key', heads: 2, headDim: 1, type: 'float32' } as const
const cached: OnnxContract = {
  inputs: ['attention_mask', 'position_ids'],
  planes: [HALF, { ...HALF, past: 'past_key_values.0.value', present: 'present.0.value' }],
  width: 1,
  pooled: false,
  rowsApart: true,
  evenRows: false,
}

/** A graph whose keys are tokens and whose values are positions, in each of two heads; it sums over all that it is given. */
function transparentGraph({ pooled, planes, inputs }: OnnxContract, runs: Run[] = []): Pick<InferenceSession, 'run'> {
  const run = async (given: unknown, fetches: unknown) => {
    const feeds = given as Record<string, Feed>
    const [B, S] = feeds.input_ids!.dims as [number, number]
    const T = planes.length > 0 ? feeds[planes[0]!.past]!.dims[2]! : 0
    const branch = feeds.use_cache_branch && Boolean(feeds.use_cache_branch.data[0])
    runs.push({ B, S, T, names: fetches as string[], ...(branch !== undefined && { cached: branch }) })
    const mask = feeds.attention_mask!
    expect([mask.dims, Array.from(mask.data).every((one) => one === 1n)]).toEqual([[B, T + S], true])
    const positions = inputs.includes('num_logits_to_keep') ? 1 : S
    const logits = new Float32Array(B * (pooled ? 1 : positions))
    const present = planes.map(() => new Float32Array(B * 2 * (T + S)))
    for (let b = 0; b < B; b++) {
      const tokens = Array.from({ length: T }, (_, t) => Number(feeds[planes[0]!.past]!.data[b * 2 * T + T + t]))
      for (let s = 0; s < S; s++) {
        tokens.push(Number(feeds.input_ids!.data[b * S + s]))
        if (feeds.position_ids) expect(Number(feeds.position_ids.data[b * S + s])).toBe(T + s)
        if (pooled) logits[b] = meaning(tokens)
        else if (positions === S) logits[b * S + s] = meaning(tokens)
        else logits[b] = meaning(tokens)
      }
      for (const plane of present)
        for (let head = 0; head < 2; head++)
          for (const [t, token] of tokens.entries()) plane[(b * 2 + head) * (T + S) + t] = token
    }
    const dims = pooled ? [B, 1] : [B, positions, 1]
    const outputs: Record<string, unknown> = { logits: { data: logits, dims } }
    for (const [index, { present: name }] of planes.entries()) outputs[name] = { data: present[index], dims: [B, 2, T + S, 1] }
    return outputs
  }
  return { run: run as unknown as InferenceSession['run'] }
}

const engineOf = (contract: OnnxContract, runs?: Run[]) =>
  new OnnxEngine(transparentGraph(contract, runs), { contract, width: 1 })
const call = (key: number, tokens: readonly number[], branches: readonly (readonly number[])[] = [[]]): ModelCall => ({
  key,
  tokenIds: Int32Array.from(tokens),
  branches,
  decode: false,
})
const valuesOf = async (engine: OnnxEngine, calls: readonly ModelCall[]) =>
  (await engine.run(calls)).map(({ values }) => Array.from(values))
const sizes = (runs: readonly Run[]) => runs.map(({ B, S, T }) => [B, S, T])
const upTo = (length: number) => Array.from({ length }, (_, i) => (i * 7) % 90)

describe('OnnxEngine', () => {
  it('reads a sequence once, then only its new tokens', async () => {
    const runs: Run[] = []
    const engine = engineOf(cached, runs)
    expect(await valuesOf(engine, [call(1, [5, 6, 7])])).toEqual([[meaning([5, 6, 7])]])
    expect(await valuesOf(engine, [call(1, [5, 6, 7, 8])])).toEqual([[meaning([5, 6, 7, 8])]])
    expect(sizes(runs)).toEqual([
      [1, 3, 0],
      [1, 1, 3],
    ])
  })

  it('drops tokens that a sequence no longer has, and reads its last token again', async () => {
    const runs: Run[] = []
    const engine = engineOf(cached, runs)
    for (const tokens of [[5, 6, 7], [5, 6, 7], [5, 9, 9, 9], [5]])
      expect(await valuesOf(engine, [call(1, tokens)])).toEqual([[meaning(tokens)]])
    expect(sizes(runs)).toEqual([
      [1, 3, 0],
      [1, 1, 2],
      [1, 3, 1],
      [1, 1, 0],
    ])
  })

  it('forgets a released sequence', async () => {
    const runs: Run[] = []
    const engine = engineOf(cached, runs)
    await engine.run([call(1, [5, 6, 7])])
    engine.release(1)
    await engine.run([call(1, [5, 6, 7, 8])])
    expect(sizes(runs).at(-1)).toEqual([1, 4, 0])
  })

  it('batches rows of equal length only', async () => {
    const runs: Run[] = []
    const engine = engineOf(cached, runs)
    const first = [call(1, [1, 2]), call(2, [3, 4]), call(3, [5, 6, 7])]
    expect(await valuesOf(engine, first)).toEqual(first.map(({ tokenIds }) => [meaning([...tokenIds])]))
    const second = [call(1, [1, 2, 8]), call(2, [3, 4, 9]), call(3, [5, 6, 7, 9])]
    expect(await valuesOf(engine, second)).toEqual(second.map(({ tokenIds }) => [meaning([...tokenIds])]))
    expect(sizes(runs)).toEqual([
      [2, 2, 0],
      [1, 3, 0],
      [2, 1, 2],
      [1, 1, 3],
    ])
  })

  it('batches an even number of one-token rows, and runs longer ones alone, if a product of one row rounds differently', async () => {
    const runs: Run[] = []
    const engine = engineOf({ ...cached, evenRows: true }, runs)
    const sequences = [
      [1, 2],
      [3, 4],
      [5, 6],
    ]
    for (const next of [7, 8, 9]) {
      const calls = sequences.map((tokens, key) => call(key, tokens))
      expect(await valuesOf(engine, calls)).toEqual(sequences.map((tokens) => [meaning(tokens)]))
      for (const tokens of sequences) tokens.push(next)
    }
    expect(await valuesOf(engine, [call(1, sequences[1]!)])).toEqual([[meaning(sequences[1]!)]])
    expect(sizes(runs)).toEqual([...[1, 2, 3].map(() => [1, 2, 0]), ...[2, 3].map((past) => [4, 1, past]), [2, 1, 4]])
  })

  it('runs each row alone if operators may mix rows', async () => {
    const runs: Run[] = []
    const engine = engineOf({ ...cached, rowsApart: false }, runs)
    await engine.run([call(1, [1, 2]), call(2, [3, 4], [[5], [6]])])
    expect(runs.map(({ B }) => B)).toEqual([1, 1, 1, 1])
  })

  it('reads several tokens after a cache for one row at a time', async () => {
    const runs: Run[] = []
    const engine = engineOf(cached, runs)
    await engine.run([call(1, upTo(CHUNK + 4)), call(2, upTo(CHUNK + 4))])
    expect(sizes(runs)).toEqual([
      [2, CHUNK, 0],
      [1, 4, CHUNK],
      [1, 4, CHUNK],
    ])
  })

  it('scores candidates over the cache of their prefix, and keeps none of them', async () => {
    const runs: Run[] = []
    const engine = engineOf(cached, runs)
    expect(await valuesOf(engine, [call(1, [1, 2], [[7], [8], [], [9, 9]])])).toEqual([
      [
        [1, 2, 7],
        [1, 2, 8],
        [1, 2],
        [1, 2, 9, 9],
      ].map(meaning),
    ])
    expect(await valuesOf(engine, [call(1, [1, 2, 8], [[4], [5]])])).toEqual([
      [
        [1, 2, 8, 4],
        [1, 2, 8, 5],
      ].map(meaning),
    ])
    expect(runs.at(-1)).toEqual({ B: 2, S: 1, T: 3, names: ['logits'] })
  })

  it('cuts long prompts on the grid, reads ahead without logits, and runs two calls of one sequence in turn', async () => {
    const runs: Run[] = []
    const engine = engineOf(cached, runs)
    const tokens = upTo(2 * CHUNK + 3)
    expect(await valuesOf(engine, [call(1, tokens.slice(0, CHUNK), []), call(1, tokens)])).toEqual([[], [meaning(tokens)]])
    expect(runs.map(({ S, T, names }) => [S, T, names.includes('logits')])).toEqual([
      [CHUNK, 0, false],
      [CHUNK, CHUNK, false],
      [3, 2 * CHUNK, true],
    ])
  })

  it('gives a merged graph a prompt as a whole and later tokens one by one', async () => {
    const runs: Run[] = []
    const engine = engineOf({ ...cached, inputs: ['attention_mask', 'use_cache_branch'] }, runs)
    const tokens = upTo(CHUNK + 9)
    const longer = [...tokens, 1, 2]
    expect(await valuesOf(engine, [call(1, tokens)])).toEqual([[meaning(tokens)]])
    expect(await valuesOf(engine, [call(1, longer, [[3], [4, 5]])])).toEqual([
      [
        [...longer, 3],
        [...longer, 4, 5],
      ].map(meaning),
    ])
    expect(runs.map(({ S, T, cached: behind }) => [S, T, behind])).toEqual([
      [CHUNK + 9, 0, false],
      [1, CHUNK + 9, true],
      [1, CHUNK + 10, true],
      [1, CHUNK + 11, true],
      [CHUNK + 13, 0, false],
    ])
  })

  it('reads whole sequences if a graph has no cache, with pooled, last or all logits', async () => {
    const tokens = [4, 5, 6]
    const none: OnnxContract = { ...cached, planes: [] }
    for (const contract of [
      none,
      { ...none, pooled: true },
      { ...cached, inputs: [...cached.inputs, 'num_logits_to_keep'] as const },
    ]) {
      const engine = engineOf(contract)
      expect(await valuesOf(engine, [call(1, tokens, [[1], [2]])])).toEqual([
        [
          [...tokens, 1],
          [...tokens, 2],
        ].map(meaning),
      ])
      expect(await valuesOf(engine, [call(1, tokens)])).toEqual([[meaning(tokens)]])
    }
  })

  it('reads the label of several that is the reward', async () => {
    const run = async () => ({ logits: { data: Float32Array.of(1, 2, 3, 4, 5, 6), dims: [2, 3] } })
    const contract: OnnxContract = { ...cached, planes: [], pooled: true, width: 3 }
    const session = { run: run as unknown as InferenceSession['run'] }
    const engine = new OnnxEngine(session, { contract, width: 3, label: 1 })
    expect(await valuesOf(engine, [call(1, [4, 5], [[1], [2]])])).toEqual([[2, 5]])
  })

  it('refuses a cache that does not grow by the tokens of the run', async () => {
    const engine = new OnnxEngine(transparentGraph(cached), {
      contract: { ...cached, planes: [{ ...HALF, headDim: 2 }] },
      width: 1,
    })
    await expect(engine.run([call(1, [1, 2])])).rejects.toThrow(
      'Expected output `present.0.key` of the graph to be [1, 2, 2, 2], got [1, 2, 2, 1]',
    )
  })
})
