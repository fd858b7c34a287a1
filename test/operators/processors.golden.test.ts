import { readFileSync } from 'node:fs'
import { lastValueFrom, type OperatorFunction, of } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { operators } from '../../operators/index.js'
import { schedule } from '../../pipelines/schedule/schedule.js'
import type { LogitsStep } from '../../src/core/step.js'
import { fakeModels } from '../fakes.js'
import { sequence } from '../marbles.js'

/** What test/reference/logits_processors.py writes: transformers' processors and OpenAI's formulas on random logits. */
type Case = Readonly<{
  operator: string
  options: Readonly<Record<string, unknown>>
  prompt: readonly number[]
  reply: readonly number[]
  logits: readonly number[]
  expected: readonly (number | null)[]
}>
const cases = JSON.parse(
  readFileSync(new URL('../../data/golden/processors/processors.json', import.meta.url), 'utf8'),
) as readonly Case[]
const models = schedule(fakeModels())

const operator = (name: string, options: Case['options']) =>
  operators[name]!.make(options, models) as OperatorFunction<LogitsStep, LogitsStep>

describe('the logits processors', () => {
  it.each([...new Set(cases.map(({ operator }) => operator))])('%s equals its reference', async (name) => {
    const own = cases.filter(({ operator }) => operator === name)
    expect(own.length).toBeGreaterThanOrEqual(6)
    for (const { options, prompt, reply, logits, expected } of own) {
      const values = Float32Array.from(logits)
      const step: LogitsStep = { sequence: { ...sequence, promptTokenIds: prompt, tokenIds: reply }, logits: { values } }
      const after = await lastValueFrom(of(step).pipe(operator(name, options)))
      expected.forEach((value, id) => {
        const what = `${JSON.stringify({ options, prompt, reply })} token ${id}`
        if (value === null) expect(after.logits.values[id], what).toBe(Number.NEGATIVE_INFINITY)
        else expect(after.logits.values[id], what).toBeCloseTo(value, 4)
      })
      expect(values).toEqual(Float32Array.from(logits))
    }
  })
})
