import type { Search } from '../../../pipelines/decoding/decode.js'
import type { Weight } from '../../../pipelines/decoding/perReward.js'
import type { Registry } from '../../../pipelines/registry/registry.js'
import { searches } from '../../../pipelines/registry/searchRegistry.js'
import { decoderFromSpec } from '../../../pipelines/registry/specs/decoderFromSpec.js'
import { overridden } from '../../../pipelines/registry/specs/overridden.js'
import { checkedSearch, isSearchSpec } from '../../../pipelines/registry/specs/searchFromSpec.js'
import { OptionError } from '../../core/errors.js'
import { parseOptions } from '../../core/parseOptions.js'
import type { Decoder } from '../../core/step.js'
import { decoderOptions, oneOf, optionTexts, pipelineOptions } from './flags.js'
import { checkGrammars, readJsonSchema, withJsonSchema } from './grammarFlag.js'
import { type LoadedRegistry, loadRegistry, readPipeline } from './loadRegistry.js'

export type DecoderFlags = Readonly<{ decoder?: string; pipeline?: string; use?: readonly string[]; jsonSchema?: string }>

/** The decoder or search of the flags, its description, and the registry that it comes from. */
export type ChosenDecoder = LoadedRegistry &
  Readonly<{
    name: string
    decoder: Decoder | Search
    about: string
    /** Weight of the decoder, if the user set it. The run must have the rewards that it names. */
    weight: Weight | undefined
  }>

/**
 * Builds the decoder that `--decoder` names (default: `args`) or that the file of `--pipeline` holds. Other flags set its options.
 *
 * @param registry the registry of `--use`, if it is loaded already
 */
export async function chooseDecoder(
  flags: DecoderFlags & Readonly<Record<string, unknown>>,
  registry?: LoadedRegistry,
): Promise<ChosenDecoder> {
  const { pipeline, decoder: name, use = [] } = flags
  if (pipeline !== undefined && name !== undefined) throw new OptionError('Expected `--decoder` or `--pipeline`, got both')
  const loaded = registry ?? (await loadRegistry(use))
  const texts = optionTexts(flags)
  const chosen =
    pipeline === undefined ? byName(name ?? 'args', texts, loaded.registry) : await ofFile(pipeline, texts, loaded.registry)
  if (flags.jsonSchema === undefined) return { ...loaded, ...chosen }
  const decoder = withJsonSchema(chosen.name, chosen.decoder, await readJsonSchema(flags.jsonSchema))
  return { ...loaded, ...chosen, decoder, about: `${chosen.about}, JSON of ${flags.jsonSchema}` }
}

/** Writes a value as on the command line: `safe=1,short=0.5`. */
const format = (value: unknown): string =>
  typeof value === 'object' && value !== null
    ? Object.entries(value)
        .map((pair) => pair.join('='))
        .join(',')
    : String(value)

const describe = (name: string, options: Readonly<Record<string, unknown>>): string => {
  const all = Object.entries(options).map(([option, value]) => `${option} ${format(value)}`)
  return all.length > 0 ? `${name} (${all.join(', ')})` : name
}

function byName(decoder: string, texts: Readonly<Record<string, string>>, registry: Registry) {
  const known = { ...searches, ...registry.decoders }
  const name = oneOf('decoder', [...Object.keys(registry.decoders), ...Object.keys(searches)])(decoder)
  const { options: schema, make } = known[name]!
  const options = decoderOptions(name, texts, schema)
  const all = parseOptions(schema, options) as Readonly<Record<string, unknown>>
  return {
    name,
    decoder: make(options),
    about: describe(name, all),
    weight: options.weight as Weight | undefined,
  }
}

async function ofFile(path: string, texts: Readonly<Record<string, string>>, registry: Registry) {
  const read = await readPipeline(path, registry)
  const name = read.name ?? path.replace(/^.*[\\/]|\.\w+$/g, '')
  if (isSearchSpec(read)) {
    const search = checkedSearch(read)
    const { options: schema, make } = searches[search.name]!
    const own = decoderOptions(search.name, texts, schema)
    const options = { ...search.options, ...own }
    return { name, decoder: make(options), about: describe(path, own), weight: options.weight as Weight | undefined }
  }
  const options = pipelineOptions(texts)
  const spec = overridden(read, options)
  await checkGrammars(spec)
  return { name, decoder: decoderFromSpec(spec, registry), about: describe(path, options), weight: undefined }
}
