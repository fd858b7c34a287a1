import { describe, expect, it } from 'vitest'
import type { ModelCall } from '../../../../../src/models/runtime/call.js'
import { Engine, type EngineModel } from '../../../../../src/models/runtime/decoder/Engine.js'
import { hostMemory } from '../../../../../src/models/runtime/decoder/hostMemory.js'
import { CHUNK } from '../../../../../src/models/runtime/decoder/passes.js'
import { meaning, model, type Run, transparentSession } from './transparentModel.js'

const engineOf = (runs?: Run[], changed: Partial<EngineModel> = {}) =>
  new Engine(hostMemory(transparentSession({ ...model, ...changed }, runs), { ...model, ...changed }), { ...model, ...changed })
const call = (
  key: number,
  tokenIds: readonly number[],
  branches: readonly (readonly number[])[] = [[]],
  decode = false,
): ModelCall => ({
  key,
  tokenIds: Int32Array.from(tokenIds),
  branches,
  decode,
})

describe('Engine', () => {
  it('reads hidden states from a position on and of candidates, over several chunks and between other calls', async () => {
    const runs: Run[] = []
    const engine = engineOf(runs, { hiddenSize: 1 })
    const tokens = Array.from({ length: 2 * CHUNK + 5 }, (_, i) => (7 * i) % 30)
    const states = (from: number, branches: readonly (readonly number[])[], of = tokens) => [
      ...of.flatMap((_, i) => (i < from ? [] : [meaning(of.slice(0, i + 1))])),
      ...branches.map((branch) => meaning([...of, ...branch])),
    ]
    const read = async (from: number, branches: readonly (readonly number[])[], of = tokens) => [
      ...(await engine.run([{ ...call(1, of, branches), states: from }]))[0]!.values,
    ]
    await engine.run([call(1, tokens)])
    expect(await read(0, [[3], [4], [5]])).toEqual(states(0, [[3], [4], [5]]))
    const grown = [...tokens, 4]
    expect([...(await engine.run([call(1, grown)]))[0]!.values]).toEqual([meaning(grown)])
    runs.length = 0
    expect(await read(grown.length, [[6], [7]], grown)).toEqual(states(grown.length, [[6], [7]], grown))
    expect(runs.map(({ S }) => S)).toEqual([2])
    const forked = tokens.slice(0, CHUNK + 3)
    expect(await read(CHUNK - 2, [[8]], forked)).toEqual(states(CHUNK - 2, [[8]], forked))
  })

  it('adopts the chosen candidate from the tree instead of computing it again', async () => {
    const runs: Run[] = []
    const engine = engineOf(runs)
    await engine.run([call(1, [1, 2, 3], [[4], [5], [6]])])
    await engine.run([call(1, [1, 2, 3, 5], [[7], [8]])])
    expect(runs.map(({ S }) => S)).toEqual([6, 2])
  })

  it('answers from the tree without another run if it has the reward', async () => {
    const runs: Run[] = []
    const engine = engineOf(runs)
    await engine.run([call(1, [1, 2], [[4], [5]])])
    const [reading] = await engine.run([call(1, [1, 2, 5])])
    expect(reading!.values[0]).toBe(meaning([1, 2, 5]))
    expect(runs).toHaveLength(1)
  })

  it('decodes one token at a time, and reads a prompt in at least two columns', async () => {
    const runs: Run[] = []
    const engine = engineOf(runs)
    await engine.run([call(1, [1], [[]], true)])
    await engine.run([call(1, [1, 2], [[]], true)])
    expect(runs.map(({ S }) => S)).toEqual([2, 1])
  })

  it('gives a run no cached positions before any of its sequences has one', async () => {
    const runs: Run[] = []
    const engine = engineOf(runs)
    await engine.run([call(1, [1, 2]), call(2, [3, 4, 5])])
    await engine.run([call(1, [1, 2, 6, 7]), call(3, [8, 9])])
    expect(runs.map(({ B, T }) => [B, T])).toEqual([
      [2, 0],
      [2, 64],
    ])
  })

  it('batches all sequences of a kind', async () => {
    const runs: Run[] = []
    const engine = engineOf(runs)
    await engine.run(Array.from({ length: 8 }, (_, key) => call(key, [key, 2], [[]], true)))
    await engine.run(Array.from({ length: 8 }, (_, key) => call(key, [key, 2, 3], [[]], true)))
    expect(runs.map(({ B }) => B)).toEqual([8, 8])
  })

  it('batches trees of different sizes, with padding only in attention', async () => {
    const runs: Run[] = []
    const engine = engineOf(runs)
    const trees = [[[3]], [[3], [4], [5]], [[3], [4], [5], [6], [7]]]
    await engine.run(trees.map((_, key) => call(key, [key, 2])))
    const readings = await engine.run(trees.map((branches, key) => call(key, [key, 2], branches)))
    expect(runs.at(-1)).toMatchObject({ B: 3, S: 5, N: 1 + 3 + 5 })
    for (const [key, branches] of trees.entries())
      expect([...readings[key]!.values]).toEqual(branches.map((branch) => meaning([key, 2, ...branch])))
  })

  it('multiplies a single row only to decode: such products round differently', async () => {
    const runs: Run[] = []
    const engine = engineOf(runs)
    await engine.run([call(1, [1, 2])])
    const [reading] = await engine.run([call(1, [1, 2], [[3]])])
    expect(runs.at(-1)).toMatchObject({ B: 1, S: 2, N: 2 })
    expect([...reading!.values]).toEqual([meaning([1, 2, 3])])
  })

  it('answers two calls of one sequence in one batch, one after the other', async () => {
    const engine = engineOf()
    const readings = await engine.run([call(1, [1, 2], [[3]]), call(1, [1, 2, 3], [[4]]), call(2, [9], [[1]])])
    expect(readings.map(({ values }) => values[0])).toEqual([meaning([1, 2, 3]), meaning([1, 2, 3, 4]), meaning([9, 1])])
  })

  it('frees the memory when the last sequence is released', async () => {
    const engine = engineOf()
    await engine.run([call(1, [1, 2]), call(2, [1, 2])])
    engine.settle()
    expect(engine.usage).toEqual({ bytes: 2 * 2 * 64 * 2 * 4, needed: 2 * 2 * 2 * 2 * 4 })
    engine.release(1)
    engine.release(2)
    expect(engine.usage).toEqual({ bytes: 0, needed: 0 })
  })

  it('keeps several trees on the same tokens, and adopts a candidate of any of them', async () => {
    const runs: Run[] = []
    const engine = engineOf(runs)
    await engine.run([call(1, [1, 2, 3], [[4], [5]])])
    await engine.run([call(1, [1, 2, 3], [[6], [7]])])
    const [chosen] = await engine.run([call(1, [1, 2, 3, 5], [[8], [9]])])
    expect(runs.map(({ S }) => S)).toEqual([5, 2, 2])
    expect([...chosen!.values]).toEqual(
      [
        [1, 2, 3, 5, 8],
        [1, 2, 3, 5, 9],
      ].map((tokens) => meaning(tokens)),
    )
    const [known] = await engine.run([call(1, [1, 2, 3, 5, 9])])
    expect([...known!.values]).toEqual([meaning([1, 2, 3, 5, 9])])
    expect(runs).toHaveLength(3)
  })

  it('reads a shared beginning once, in whole chunks, at the same time or later', async () => {
    const runs: Run[] = []
    const engine = engineOf(runs)
    const beginning = Array.from({ length: 2 * CHUNK + 10 }, (_, index) => (index * 7) % 31)
    const prompts = [0, 1, 2].map((end) => [...beginning, end])
    const readings = await engine.run(prompts.map((prompt, key) => call(key, prompt)))
    expect(readings.map(({ values }) => values[0])).toEqual(prompts.map((prompt) => meaning(prompt)))
    expect(runs.map(({ B, S }) => [B, S])).toEqual([
      [1, CHUNK],
      [1, CHUNK],
      [3, 11],
    ])
    const late = [...beginning.slice(0, CHUNK + 5), 30]
    const [reading] = await engine.run([call(3, late)])
    expect(reading!.values[0]).toBe(meaning(late))
    expect(runs.slice(3).map(({ B, S }) => [B, S])).toEqual([[1, 6]])
  })

  it('reads tokens into the cache for a call without branches', async () => {
    const runs: Run[] = []
    const engine = engineOf(runs)
    const prompt = Array.from({ length: CHUNK + 3 }, (_, index) => index % 31)
    const [nothing] = await engine.run([call(1, prompt.slice(0, CHUNK), [])])
    expect(nothing!.values).toHaveLength(0)
    await engine.run([call(1, prompt.slice(0, CHUNK), [])])
    const [reading] = await engine.run([call(1, prompt)])
    expect(reading!.values[0]).toBe(meaning(prompt))
    expect(runs.map(({ S }) => S)).toEqual([CHUNK, 3])
  })

  it('reads branches that stay short or become long with their own positions, and keeps their order', async () => {
    const changed = { longAfter: 6 }
    const engine = engineOf([], changed)
    const branches = [[], [7, 8], [9], [10, 11, 12], [13]]
    const [reading] = await engine.run([call(1, [1, 2, 3, 4, 5], branches)])
    const expected = branches.map((branch) => meaning([1, 2, 3, 4, 5, ...branch], { ...model, ...changed }))
    expect([...reading!.values]).toEqual(expected)
  })

  it('shares a beginning only between sequences with the same positions', async () => {
    const changed = { longAfter: 2 * CHUNK }
    const beginning = Array.from({ length: CHUNK }, (_, index) => (index * 7) % 31)
    const short = [...beginning, 1, 2]
    const long = [...beginning, ...beginning, 3]
    const meant = [short, long].map((tokens) => meaning(tokens, { ...model, ...changed }))
    const together = await engineOf([], changed).run([call(1, short), call(2, long)])
    expect(together.map(({ values }) => values[0])).toEqual(meant)
    const engine = engineOf([], changed)
    const later = [await engine.run([call(1, short)]), await engine.run([call(2, long)])].flat()
    expect(later.map(({ values }) => values[0])).toEqual(meant)
  })
})
