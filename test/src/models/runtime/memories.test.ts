import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Mask } from '../../../../src/models/graph/masks.js'
import type { ModelCall } from '../../../../src/models/runtime/call.js'
import { Engine, type EngineModel } from '../../../../src/models/runtime/decoder/Engine.js'
import { hostMemory } from '../../../../src/models/runtime/decoder/hostMemory.js'
import { CHUNK } from '../../../../src/models/runtime/decoder/passes.js'
import { full, meaning, model, transparentSession } from './decoder/transparentModel.js'
import { type GpuRun, transparentGpu } from './transparentGpu.js'

const local = (window: number): Mask => ({ past: 'local_past_bias', self: 'local_self_bias', window })
const hostEngineOf = (changed: Partial<EngineModel> = {}) => {
  const whole = { ...model, ...changed }
  return new Engine(hostMemory(transparentSession(whole), whole), whole)
}
const gpuEngineOf = (changed: Partial<EngineModel> = {}, runs?: GpuRun[]) =>
  new Engine(transparentGpu({ ...model, ...changed }, runs), { ...model, ...changed })

const call = (key: number, tokenIds: readonly number[], branches: readonly (readonly number[])[] = [[]]): ModelCall => ({
  ...{ key, branches, decode: false },
  tokenIds: Int32Array.from(tokenIds),
})

const engines = [
  ['the CPU', hostEngineOf],
  ['a GPU', gpuEngineOf],
] as const

describe.each(engines)('an engine over the memory of %s', (_device, newEngine) => {
  it.each<[string, Partial<EngineModel>]>([
    ['full attention', {}],
    ['a sliding window', { masks: [local(5)] }],
    ['a window of one token', { masks: [local(1)] }],
    ['full attention and a sliding window longer than a chunk', { masks: [full, local(CHUNK + 9)] }],
    ['other positions for long sequences', { longAfter: 130 }],
    ['other positions for sequences that are soon long, and a window', { longAfter: 9, masks: [full, local(4)] }],
  ])(
    'reads every branch as if its whole sequence had been read alone, after any growing, forking and releasing: %s',
    async (_, changed) => {
      const token = fc.nat(30)
      const step = fc.record({
        grow: fc.array(token, { maxLength: 3 }),
        keep: fc.double({ min: 0, max: 1, noNaN: true }),
        fork: fc.boolean(),
        release: fc.boolean(),
        follow: fc.boolean(),
        branches: fc.array(fc.array(token, { minLength: 1, maxLength: 3 }), { maxLength: 4 }),
      })
      const start = fc.oneof(
        fc.array(token, { minLength: 1, maxLength: 20 }),
        fc.array(token, { minLength: 120, maxLength: 560 }),
      )
      await fc.assert(
        fc.asyncProperty(
          fc.array(start, { minLength: 1, maxLength: 4 }),
          fc.array(fc.array(step, { minLength: 4, maxLength: 4 }), { maxLength: 6 }),
          async (starts, rounds) => {
            const engine = newEngine(changed)
            const sequences = starts.map((tokens) => [...tokens])
            const offered: number[][][] = starts.map(() => [])
            for (const round of rounds) {
              const calls = sequences.map((tokens, key) => {
                const { grow, keep, fork, release, follow, branches } = round[key]!
                if (release) engine.release(key)
                if (fork) tokens.length = Math.max(1, Math.floor(tokens.length * keep))
                const chosen = offered[key]![0]
                if (follow && chosen) tokens.push(...chosen)
                else tokens.push(...grow)
                offered[key] = branches
                return call(key, tokens, branches.length > 0 ? branches : [[]])
              })
              const readings = await engine.run(calls)
              readings.forEach(({ values }, key) => {
                const { tokenIds, branches } = calls[key]!
                expect([...values]).toEqual(branches.map((branch) => meaning([...tokenIds, ...branch], { ...model, ...changed })))
              })
            }
          },
        ),
        { numRuns: 40 },
      )
    },
  )

  it('frees released rows: 1,000 short sequences pass through 16 slots, each with the result of a run alone', async () => {
    const engine = newEngine({})
    let peak = 0
    for (let first = 0; first < 1_000; first += 16) {
      const keys = Array.from({ length: Math.min(16, 1_000 - first) }, (_, i) => first + i)
      const readings = await engine.run(keys.map((key) => call(key, [key % 31, (key * 7) % 31, 5], [[1], [2]])))
      readings.forEach(({ values }, i) => {
        const tokens = [keys[i]! % 31, (keys[i]! * 7) % 31, 5]
        expect([...values]).toEqual([meaning([...tokens, 1]), meaning([...tokens, 2])])
      })
      peak = Math.max(peak, engine.usage.bytes)
      for (const key of keys) engine.release(key)
    }
    expect(engine.usage).toEqual({ bytes: 0, needed: 0 })
    expect(peak).toBeLessThanOrEqual(16 * 2 * 256 * 2 * 4)
  })
})

it('an engine on a GPU uses few shapes at any lengths, and reads a chosen candidate along with the next', async () => {
  const runs: GpuRun[] = []
  const engine = gpuEngineOf({}, runs)
  const token = (i: number) => (i * 7) % 31
  for (let length = 1; length < 40; length += 3) {
    const tokens = Array.from({ length }, (_, i) => token(i))
    const [reading] = await engine.run([call(length % 3, tokens, [[1], [2], [3]])])
    expect([...reading!.values]).toEqual([1, 2, 3].map((one) => meaning([...tokens, one])))
  }
  for (const { L, S } of runs) {
    expect([1, 2, 4, 8]).toContain(L)
    expect([1, 4, 8, 12, 16]).toContain(S)
  }
  runs.length = 0
  await engine.run([call(9, [1, 2, 3], [[4], [5]])])
  const [chosen] = await engine.run([call(9, [1, 2, 3, 5], [[8], [9]])])
  expect([...chosen!.values]).toEqual([8, 9].map((one) => meaning([1, 2, 3, 5, one])))
  expect(runs).toEqual([
    { L: 1, S: 8 },
    { L: 1, S: 4 },
  ])
  expect([...(await engine.run([call(9, [1, 2, 3, 5, 9])]))[0]!.values]).toEqual([meaning([1, 2, 3, 5, 9])])
  expect(runs).toHaveLength(2)
})
