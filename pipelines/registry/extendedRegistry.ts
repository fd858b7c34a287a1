import * as z from 'zod'
import { OptionError } from '../../src/core/errors.js'
import { parseOptions } from '../../src/core/parseOptions.js'
import { modelKinds, type RegisteredOperator } from '../../src/core/registryEntry.js'
import type { Decoder } from '../../src/core/step.js'
import type { RegisteredDecoder, Registry } from './registry.js'

const aSchema = z
  .custom<z.ZodObject>((value) => value instanceof z.ZodObject)
  .default(() => z.strictObject({}))
  .describe('an object schema of zod')
const aFunction = z.custom<(...args: never[]) => unknown>((value) => typeof value === 'function').describe('a function')
const fields = z.array(z.string().min(1))
const about = z.string().default('').describe('text')

const operatorSchema = z.strictObject({
  about,
  options: aSchema,
  needs: fields.describe('a list of fields, such as ["logits"]'),
  adds: z.record(z.string(), z.string()).default({}).describe('fields with their shapes, such as { scores: "Float32[k]" }'),
  drops: fields.default([]).describe('a list of fields'),
  changes: fields.default([]).describe('a list of fields'),
  models: z
    .record(z.string(), z.enum(modelKinds))
    .default({})
    .describe('options that name a model, such as { reward: "reward" }'),
  make: aFunction,
})
const decoderSchema = z.strictObject({
  about,
  options: aSchema,
  needsReward: z.boolean().default(false).describe('true or false'),
  make: aFunction,
})

/**
 * Adds the operators and decoders of a module to a registry. The module exports `operators` and `decoders`, with entries like those of this
 * package (`options`, `needs`, `make`; the rest if needed).
 *
 * @param from the module's name in messages
 * @throws OptionError if the module exports neither, and for an invalid entry or a name that exists already
 */
export function extendedRegistry(registry: Registry, module: Readonly<Record<string, unknown>>, from: string): Registry {
  if (module.operators === undefined && module.decoders === undefined)
    throw new OptionError(
      `Expected ${from} to export \`operators\` or \`decoders\`, got ${Object.keys(module).join(', ') || 'nothing'}`,
    )
  const own = <T>(kind: keyof Registry, read: (value: unknown) => T): Record<string, T> => {
    const entries = module[kind] ?? {}
    if (typeof entries !== 'object')
      throw new OptionError(`Expected \`${kind}\` of ${from} to be an object, got ${typeof entries}`)
    return Object.fromEntries(
      Object.entries(entries).map(([name, value]) => {
        if (Object.hasOwn(registry[kind], name))
          throw new OptionError(`Expected \`${kind}.${name}\` of ${from} to have a new name; it exists already`)
        try {
          return [name, read(value)] as const
        } catch (error) {
          if (error instanceof OptionError) throw new OptionError(`\`${kind}.${name}\` of ${from}: ${error.message}`)
          throw error
        }
      }),
    )
  }
  return {
    operators: {
      ...registry.operators,
      ...own('operators', (value) => operatorOf(value, from)),
    },
    decoders: { ...registry.decoders, ...own('decoders', (value) => decoderOf(value, from)) },
  }
}

const operatorOf = (value: unknown, from: string): RegisteredOperator => {
  const { make, ...entry } = parseOptions(operatorSchema, value)
  return { ...entry, from, make: make as RegisteredOperator['make'] }
}

function decoderOf(value: unknown, from: string): RegisteredDecoder {
  const { make, ...entry } = parseOptions(decoderSchema, value)
  return { ...entry, from, make: (values) => make(parseOptions(entry.options, values) as never) as Decoder }
}
