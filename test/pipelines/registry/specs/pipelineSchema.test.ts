import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { builtIn } from '../../../../pipelines/registry/registry.js'
import { pipelineSchema } from '../../../../pipelines/registry/specs/pipelineSchema.js'

type Step = Readonly<{
  required: string[]
  properties: Record<string, { properties: object; required?: string[]; type: unknown }>
}>
const stepsOf = (schema: unknown): Step[] =>
  (schema as { oneOf: [{ properties: { steps: { items: { anyOf: Step[] } } } }] }).oneOf[0].properties.steps.items.anyOf

describe('pipelineSchema', () => {
  it('has every operator and its options', () => {
    const steps = stepsOf(pipelineSchema())
    expect(steps.flatMap(({ required }) => required)).toEqual(Object.keys(builtIn.operators))
    const topK = steps.find(({ required }) => required[0] === 'topK')
    expect(topK!.properties.topK).toMatchObject({
      type: 'object',
      required: ['k'],
      properties: { k: { type: 'integer', minimum: 1 } },
    })
    const greedy = steps.find(({ required }) => required[0] === 'selectGreedy')!
    expect(greedy.properties.selectGreedy).toMatchObject({ type: ['object', 'null'], additionalProperties: false })
  })
  it('accepts exactly the pipelines that the package accepts', () => {
    const schema = z.fromJSONSchema(JSON.parse(JSON.stringify(pipelineSchema())))
    expect(schema.safeParse({ search: { bestOfN: { n: 2 } } }).success).toBe(true)
    expect(schema.safeParse({ search: { bestOfN: { n: 0 } } }).success).toBe(false)
    expect(schema.safeParse({ search: { beam: {} }, steps: [{ topK: { k: 1 } }, { selectGreedy: {} }] }).success).toBe(false)
    const accepts = (...steps: unknown[]) => schema.safeParse({ steps }).success
    expect(accepts({ topK: { k: 10 } }, { batchReward: {} }, { combineScore: { weight: 2 } }, { selectGreedy: null })).toBe(true)
    expect(accepts({ topK: { k: 0 } })).toBe(false)
    expect(accepts({ topK: null })).toBe(false)
    expect(accepts({ topQ: {} })).toBe(false)
    expect(accepts({ topK: { k: 1 }, selectGreedy: {} })).toBe(false)
  })
})
