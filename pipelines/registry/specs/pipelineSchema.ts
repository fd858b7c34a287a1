import * as z from 'zod'
import { builtIn, type Registry } from '../registry.js'
import { searches } from '../searchRegistry.js'
import { searchKey } from './searchFromSpec.js'

/** Builds the JSON Schema of pipelines from the schemas of operators and searches, for completion and checks in editors. */
export function pipelineSchema({ operators }: Registry = builtIn): Readonly<Record<string, unknown>> {
  const one = (name: string, { about, options }: Readonly<{ about: string; options: z.ZodObject }>) => {
    const { $schema: _, ...schema } = z.toJSONSchema(options, { io: 'input', unrepresentable: 'any' })
    const nothing = (schema.required ?? []).length === 0 ? { type: ['object', 'null'] } : {}
    return {
      type: 'object',
      description: about,
      properties: { [name]: { ...schema, ...nothing, description: about } },
      required: [name],
      additionalProperties: false,
    }
  }
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'rxargs pipeline',
    description: 'A decoding step as a list of operators, or a search over whole replies',
    oneOf: [
      whole('steps', {
        type: 'array',
        minItems: 1,
        items: { anyOf: Object.entries(operators).map(([name, operator]) => one(name, operator)) },
      }),
      whole('search', { anyOf: Object.entries(searches).map(([name, search]) => one(searchKey(name), search)) }),
    ],
  }
}

const whole = (kind: 'steps' | 'search', schema: object) => ({
  type: 'object',
  properties: { name: { type: 'string', minLength: 1 }, [kind]: schema },
  required: [kind],
  additionalProperties: false,
})
