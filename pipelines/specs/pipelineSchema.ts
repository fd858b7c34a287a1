import * as z from 'zod'
import { builtIn, type Registry } from '../registry.js'

/** The JSON Schema of pipelines as data, out of the operators' own schemas: what editors complete and check them by. */
export function pipelineSchema({ operators }: Registry = builtIn): Readonly<Record<string, unknown>> {
  const step = (name: string) => {
    const { about, options } = operators[name]!
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
    description: 'One step of decoding: operators in a row',
    type: 'object',
    properties: {
      name: { type: 'string', minLength: 1 },
      steps: { type: 'array', minItems: 1, items: { anyOf: Object.keys(operators).map(step) } },
    },
    required: ['steps'],
    additionalProperties: false,
  }
}
