import * as z from 'zod'
import { InputError, OptionError } from '../../src/core/errors.js'
import { parseOptions } from '../../src/core/parseOptions.js'
import type { Overrides, Prompt } from '../../src/core/prompt.js'
import type { Decoder, DecoderSpec } from '../../src/core/step.js'
import type { BoundSearch, NamedSearch, Search } from '../decoding/decode.js'
import { decoderByName, type Registry } from '../registry/registry.js'
import { searchByName, searches } from '../registry/searchRegistry.js'
import { checkedSteps, decoderFromSpec } from '../registry/specs/decoderFromSpec.js'
import { overridden } from '../registry/specs/overridden.js'
import { pipelineFromText } from '../registry/specs/pipelineFromText.js'
import { checkedSearch, isSearchSpec } from '../registry/specs/searchFromSpec.js'
import { type Truncate, truncations } from './jobs.js'

export const rowOptions = z.strictObject({
  maxNewTokens: z.int().min(1).describe('an integer >= 1'),
  seed: z.int().min(0).describe('an integer from 0 to 9007199254740991'),
  maxPromptTokens: z.int().min(1).describe('an integer >= 1'),
  truncate: z.enum(truncations).describe(`one of ${truncations.join(', ')}`),
})

const { shape } = rowOptions

/** The settings of one row. */
export type RowSettings = Readonly<{
  search: BoundSearch
  seed: number
  maxNewTokens: number
  maxPromptTokens: number | undefined
  truncate: Truncate
}>

export type RowSettingsOptions = Readonly<{
  /** Settings of the run. */
  run: RowSettings
  registry: Registry
  /** Name of the first reward. */
  reward: string | undefined
  bind: (decoder: Decoder | Search) => BoundSearch
}>

/**
 * Returns the run's settings with the row's own changes. It builds the row's decoder, once.
 *
 * @throws InputError with file, row and column, and what was expected there
 */
export function rowSettings(
  { id, place, overrides = {} }: Pick<Prompt, 'id' | 'place' | 'overrides'>,
  { run, registry, reward, bind }: RowSettingsOptions,
): RowSettings {
  const column = <T>(name: keyof Overrides, read: () => T): T => {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof OptionError)) throw error
      const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
      throw new InputError(`${place ?? id}: Column \`${snake}\`: ${error.message}`)
    }
  }
  const own = <T>(name: keyof typeof shape, schema: z.ZodType<T>): T | undefined =>
    overrides[name] === undefined
      ? undefined
      : column(name, () => parseOptions(z.object({ [name]: schema }), { [name]: overrides[name] })[name])
  const { pipeline, weight, k, temperature } = overrides
  const settings = {
    search: run.search,
    seed: own('seed', shape.seed) ?? run.seed,
    maxNewTokens: own('maxNewTokens', shape.maxNewTokens) ?? run.maxNewTokens,
    maxPromptTokens: own('maxPromptTokens', shape.maxPromptTokens) ?? run.maxPromptTokens,
    truncate: own('truncate', shape.truncate) ?? run.truncate,
  }
  const changes = Object.entries({ weight, k, temperature }).filter(([, value]) => value !== undefined)
  const read = pipeline === undefined ? undefined : column('pipeline', () => readOf(pipeline, registry))
  const ofRun = pipeline === undefined && changes.length > 0 ? run.search.entry : undefined
  const search = ofRun ?? column('pipeline', () => searchOf(read, registry))
  if (search !== undefined) {
    const own = (options: Readonly<Record<string, unknown>>) => searchByName(search.name, { ...search.options, ...options })
    for (const [name, value] of changes) column(name as keyof Overrides, () => own({ [name]: value }))
    const blamed = (changes[0]?.[0] ?? 'pipeline') as keyof Overrides
    return { ...settings, search: column(blamed, () => bind(own(Object.fromEntries(changes)))) }
  }
  const ownDecoder = read === undefined ? undefined : column('pipeline', () => bind(decoderOf(read, registry)))
  if (changes.length === 0) return ownDecoder ? { ...settings, search: ownDecoder } : settings

  const stated = (ownDecoder ?? run.search).spec ?? { steps: [{ custom: {} }] }
  const spec = changes.reduce<DecoderSpec>(
    (changed, [name, value]) =>
      column(name as keyof Overrides, () => {
        const next = overridden(changed, { [name]: value }, reward)
        checkedSteps(next, registry)
        return next
      }),
    stated,
  )
  return { ...settings, search: column(changes[0]![0] as keyof Overrides, () => bind(decoderFromSpec(spec, registry))) }
}

const words = /^[\w-]+$/

/** Reads YAML or JSON; names and objects stay as they are. */
const readOf = (pipeline: unknown, registry: Registry): unknown =>
  typeof pipeline !== 'string' || words.test(pipeline) ? pipeline : pipelineFromText(pipeline, 'pipeline', registry)

function searchOf(pipeline: unknown, { decoders }: Registry): NamedSearch | undefined {
  if (isSearchSpec(pipeline)) return checkedSearch(pipeline)
  const isName = typeof pipeline === 'string' && Object.hasOwn(searches, pipeline) && !Object.hasOwn(decoders, pipeline)
  return isName ? { name: pipeline, options: {} } : undefined
}

const decoderOf = (pipeline: unknown, registry: Registry): Decoder =>
  typeof pipeline === 'string' ? decoderByName(pipeline, {}, registry) : decoderFromSpec(pipeline, registry)
