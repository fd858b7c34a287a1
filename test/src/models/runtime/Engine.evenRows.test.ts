import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ModelCall } from '../../../../src/models/runtime/call.js'
import { Engine } from '../../../../src/models/runtime/decoder/Engine.js'
import { hostMemory } from '../../../../src/models/runtime/decoder/hostMemory.js'
import { meaning, model, type Run, transparentSession } from './decoder/transparentModel.js'

const call = (
  key: number,
  tokenIds: readonly number[],
  branches: readonly (readonly number[])[],
  decode: boolean,
): ModelCall => ({ key, tokenIds: Int32Array.from(tokenIds), branches, decode })

describe('Engine', () => {
  it('has an even number of rows in every product if one row rounds differently, for any calls', async () => {
    const tokens = fc.array(fc.nat(30), { minLength: 1, maxLength: 140 })
    const asked = fc.record({ tokens, branches: fc.integer({ min: 1, max: 4 }), decode: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(fc.array(asked, { minLength: 1, maxLength: 5 }), async (all) => {
        const runs: Run[] = []
        const even = { ...model, evenRows: true }
        const engine = new Engine(hostMemory(transparentSession(model, runs), even), even)
        const calls = all.map(({ tokens, branches, decode }, key) =>
          call(key, tokens, branches === 1 ? [[]] : Array.from({ length: branches }, (_, token) => [token]), decode),
        )
        const grown = calls.map(({ key, tokenIds }) => call(key, [...tokenIds, 7], [[]], true))
        for (const round of [calls, grown])
          for (const [key, { values }] of (await engine.run(round)).entries())
            expect([...values]).toEqual(round[key]!.branches.map((branch) => meaning([...round[key]!.tokenIds, ...branch])))
        for (const { N, R } of runs) expect([N % 2, R % 2]).toEqual([0, 0])
      }),
      { numRuns: 40 },
    )
  })
})
