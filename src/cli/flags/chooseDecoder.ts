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
import { decoderOptions, givenOptions, oneOf, pipelineOptions } from './flags.js'
import { checkGrammars, readJsonSchema, withJsonSchema } from './grammarFlag.js'
import { type LoadedRegistry, loadRegistry, readPipeline } from './loadRegistry.js'

export type DecoderFlags = Readonly<{ decoder?: string; pipeline?: string; use?: readonly string[]; jsonSchema?: string }>

/** The decoder or search that flags name, in words too, and the operators and decoders it was found among. */
export type ChosenDecoder = LoadedRegistry &
  Readonly<{
    name: string
    decoder: Decoder | Search
    about: string
    /** The decoder's, where it was given: rewards that it names have to be there. */
    weight: Weight | undefined
  }>

/** The decoder by its name, `args` unless given, or the pipeline of a file; other flags set its options. `registry`: where that of `--use` is loaded already. */
export async function chooseDecoder(
  flags: DecoderFlags & Readonly<Record<string, unknown>>,
  registry?: LoadedRegistry,
): Promise<ChosenDecoder> {
  const { pipeline, decoder: named, use = [] } = flags
  if (pipeline !== undefined && named !== undefined) throw new OptionError('Expected `--decoder` or `--pipeline`, got both')
  const loaded = registry ?? (await loadRegistry(use))
  const given = givenOptions(flags)
  const chosen =
    pipeline === undefined ? byName(named ?? 'args', given, loaded.registry) : await ofFile(pipeline, given, loaded.registry)
  if (flags.jsonSchema === undefined) return { ...loaded, ...chosen }
  const decoder = withJsonSchema(chosen.name, chosen.decoder, await readJsonSchema(flags.jsonSchema))
  return { ...loaded, ...chosen, decoder, about: `${chosen.about}, JSON of ${flags.jsonSchema}` }
}

/** `safe=1,short=0.5`, as it is given. */
const shown = (value: unknown): string =>
  typeof value === 'object' && value !== null
    ? Object.entries(value)
        .map((pair) => pair.join('='))
        .join(',')
    : String(value)

const said = (name: string, options: Readonly<Record<string, unknown>>): string => {
  const all = Object.entries(options).map(([option, value]) => `${option} ${shown(value)}`)
  return all.length > 0 ? `${name} (${all.join(', ')})` : name
}

function byName(given: string, texts: Readonly<Record<string, string>>, registry: Registry) {
  const known = { ...searches, ...registry.decoders }
  const name = oneOf('decoder', [...Object.keys(registry.decoders), ...Object.keys(searches)])(given)
  const { options: schema, make } = known[name]!
  const options = decoderOptions(name, texts, schema)
  const all = parseOptions(schema, options) as Readonly<Record<string, unknown>>
  return {
    name,
    decoder: make(options),
    about: said(name, all),
    weight: options.weight as Weight | undefined,
  }
}

async function ofFile(path: string, texts: Readonly<Record<string, string>>, registry: Registry) {
  const read = await readPipeline(path, registry)
  const name = read.name ?? path.replace(/^.*[\\/]|\.\w+$/g, '')
  if (isSearchSpec(read)) {
    const search = checkedSearch(read)
    const { options: schema, make } = searches[search.name]!
    const given = decoderOptions(search.name, texts, schema)
    const options = { ...search.options, ...given }
    return { name, decoder: make(options), about: said(path, given), weight: options.weight as Weight | undefined }
  }
  const options = pipelineOptions(texts)
  const spec = overridden(read, options)
  await checkGrammars(spec)
  return { name, decoder: decoderFromSpec(spec, registry), about: said(path, options), weight: undefined }
}
