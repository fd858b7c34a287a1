import { map } from 'rxjs'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { args } from '../../../pipelines/decoders/args.js'
import { extendedRegistry } from '../../../pipelines/registry/extendedRegistry.js'
import { builtIn, decoderByName } from '../../../pipelines/registry/registry.js'
import { schedule } from '../../../pipelines/schedule/schedule.js'
import { OptionError } from '../../../src/core/errors.js'
import { fakeModels } from '../../fakes.js'

const pass = { needs: ['logits'], make: () => map((step: unknown) => step) }
const extended = (module: Record<string, unknown>) => extendedRegistry(builtIn, module, './own.js')

describe('extendedRegistry', () => {
  it("adds a module's operators and decoders under their names", () => {
    const mine = { options: z.strictObject({ k: z.int().default(4) }), make: ({ k }: { k: number }) => args({ k, weight: 0 }) }
    const registry = extended({ operators: { pass }, decoders: { mine } })
    expect(Object.keys(registry.operators)).toEqual([...Object.keys(builtIn.operators), 'pass'])
    expect(registry.operators.pass).toMatchObject({ adds: {}, drops: [], changes: [], models: {}, from: './own.js' })
    expect(decoderByName('mine', { k: 2 }, registry)(schedule(fakeModels())).need).toBe(2)
    expect(decoderByName('mine', {}, registry)(schedule(fakeModels())).need).toBe(4)
    expect(() => decoderByName('mine', { k: 'x' }, registry)).toThrow(OptionError)
    expect(() => decoderByName('mine', {})).toThrow(OptionError)
  })
  it.each<[string, Record<string, unknown>, string]>([
    ['nothing to add', { other: 1 }, 'Expected ./own.js to export `operators` or `decoders`, got other'],
    ['no object', { operators: 3 }, 'Expected `operators` of ./own.js to be an object, got number'],
    ['no make', { operators: { a: { needs: [] } } }, '`operators.a` of ./own.js: Expected `make` to be a function, got nothing'],
    ['no needs', { operators: { a: { make: () => 1 } } }, '`operators.a` of ./own.js: Expected `needs` to be a list of fields'],
    [
      'options that are no schema',
      { operators: { a: { ...pass, options: { k: 1 } } } },
      'Expected `options` to be an object schema of zod',
    ],
    ['a key that is not known', { operators: { a: { ...pass, need: 1 } } }, 'Unknown option `need` (did you mean `needs`?)'],
    ['a name that is taken', { operators: { topK: pass } }, 'Expected `operators.topK` of ./own.js to have a new name'],
    ['a decoder without make', { decoders: { a: {} } }, '`decoders.a` of ./own.js: Expected `make` to be a function'],
  ])('refuses a module with %s', (_, module, message) => {
    expect(() => extended(module)).toThrow(OptionError)
    expect(() => extended(module)).toThrow(message)
  })
})
