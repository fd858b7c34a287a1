import type { BoundSearch, NamedSearch, Search } from '../../../pipelines/decoding/decode.js'
import { decoderByName, type Registry } from '../../../pipelines/registry/registry.js'
import { searches } from '../../../pipelines/registry/searchRegistry.js'
import { decoderFromSpec } from '../../../pipelines/registry/specs/decoderFromSpec.js'
import { overridden } from '../../../pipelines/registry/specs/overridden.js'
import { checkedSearch } from '../../../pipelines/registry/specs/searchFromSpec.js'
import { OptionError } from '../../core/errors.js'
import { didYouMean } from '../../core/nearest.js'
import type { Decoder, DecoderModels, DecoderSpec } from '../../core/step.js'
import { ApiError } from '../ApiError.js'
import { checkLimit } from '../limits.js'
import type { SharedRequest } from '../requests/fields.js'
import { largestK, scoresCandidates } from './candidateLimit.js'
import { withModelLogits } from './modelLogits.js'
import { requestSearch } from './requestSearch.js'
import { processors, type Steps, withSampling } from './requestSteps.js'

export type RequestDecoderOptions = Readonly<{
  /** The server's own decoder, for requests that name none. */
  decoder: Decoder | Search
  registry: Registry
  bind: (decoder: Decoder | Search, models: DecoderModels) => BoundSearch
  /** The models of the request, with its rewards. */
  models: DecoderModels
  /** How many candidates of a step a reward may score. */
  maxCandidates: number
  /** Whether steps must carry the language model's own logits. */
  logprobs: boolean
  /** Wraps the decoder of a reply that waits for its reader. */
  paced: (decoder: Decoder) => Decoder
}>

/**
 * Builds the decoder or search that a request asks for. OpenAI's fields become operators on the logits that it reads (penalties, biases, a
 * grammar), and options of its steps (`temperature`, `top_p`).
 *
 * @throws ApiError for a field that the decoder or search does not take
 */
export function requestDecoder(request: SharedRequest, options: RequestDecoderOptions): BoundSearch {
  try {
    const bound = boundDecoder(request, options)
    if (scoresCandidates(bound, options.models, options.registry))
      checkLimit('rxargs', largestK(bound), options.maxCandidates, '`k` with a reward')
    return bound
  } catch (error) {
    if (!(error instanceof OptionError) || error.path[0] !== 'reward') throw error
    if (request.rxargs?.rewards?.length === 0) throw needsReward()
    throw new ApiError(400, error.message, { param: 'rxargs', code: 'invalid_value' })
  }
}

const needsReward = (): ApiError =>
  new ApiError(400, 'Expected `rxargs.rewards` to name a reward, because the decoder needs one, got an empty list', {
    param: 'rxargs.rewards',
    code: 'invalid_value',
  })

function boundDecoder(request: SharedRequest, options: RequestDecoderOptions): BoundSearch {
  const { registry, bind, models, logprobs, paced } = options
  checkOptions(request)
  const base = within(request.rxargs?.options ? 'rxargs.options' : 'rxargs.decoder', () => baseOf(request, options))
  if ('search' in base && request.rxargs?.rewards?.length === 0 && searches[base.search.name]?.needsReward) throw needsReward()
  if ('search' in base) return within('rxargs', () => bind(requestSearch(base.search, request, { registry, logprobs }), models))
  const first = models.reward?.name
  let spec: DecoderSpec = base
  for (const name of ['k', 'weight'] as const) {
    const value = request.rxargs?.[name] ?? undefined
    if (value !== undefined) spec = within(`rxargs.${name}`, () => overridden(spec, { [name]: value }, first))
  }
  spec = { ...spec, steps: [...processors(request), ...withSampling(spec.steps, request)] }
  return within('rxargs', () => {
    const decoder = decoderFromSpec(spec, registry)
    return bind(paced(logprobs ? withModelLogits(decoder) : decoder), models)
  })
}

/** Refuses an option that a field of its own sets, too. */
function checkOptions({ rxargs, temperature, top_p }: SharedRequest): void {
  const fields = { k: rxargs?.k, weight: rxargs?.weight, temperature, p: top_p }
  const given = { 'rxargs.options': rxargs?.options, 'rxargs.search': Object.values(rxargs?.search ?? {})[0] }
  for (const [option, value] of Object.entries(fields))
    for (const [param, options] of Object.entries(given))
      if (value !== undefined && value !== null && Object.hasOwn(options ?? {}, option))
        throw new ApiError(400, `Expected \`${option}\` in \`${param}\` or as a field of its own, got both`, {
          param: `${param}.${option}`,
          code: 'invalid_value',
        })
}

/** Names the field in an error of the decoder's options. */
function within<T>(param: string, make: () => T): T {
  try {
    return make()
  } catch (error) {
    if (error instanceof OptionError && error.path[0] !== 'reward')
      throw new ApiError(400, error.message, { param, code: 'invalid_value' })
    throw error
  }
}

type Base = DecoderSpec | Readonly<{ search: NamedSearch }>

function baseOf({ rxargs }: SharedRequest, { decoder, registry, bind, models }: RequestDecoderOptions): Base {
  const { decoder: name, steps, search, options, k } = rxargs ?? {}
  const given = [name, steps, search].filter((one) => one !== undefined && one !== null)
  if (options && typeof name !== 'string') throw new OptionError('Expected `decoder` beside `options`, got none')
  if (given.length > 1) throw new OptionError('Expected one of `decoder`, `steps` and `search`, got several')
  if (search) return { search: checkedSearch({ search }) }
  if (steps) return { steps: steps.map((step) => step as Steps[number]) }
  if (typeof name === 'string' && Object.hasOwn(searches, name) && !Object.hasOwn(registry.decoders, name))
    return { search: { name, options: options ?? {} } }
  const named = typeof name === 'string' ? decoderNamed(name, options ?? {}, k, registry) : decoder
  const { entry, spec } = bind(named, models)
  if (entry) return { search: entry }
  if (spec === undefined || spec.steps.some((step) => 'custom' in step))
    throw new OptionError('Expected a decoder of registered operators; that of this server has others')
  return spec
}

type Options = Readonly<Record<string, unknown>>

/** A decoder with the request's own options, and its own `k`, if it takes one: the default may be more than the language model gives. */
function decoderNamed(name: string, options: Options, k: number | null | undefined, registry: Registry): Decoder {
  const entry = Object.hasOwn(registry.decoders, name) ? registry.decoders[name] : undefined
  if (entry) return decoderByName(name, { ...options, ...(k && 'k' in entry.options.shape && { k }) }, registry)
  const names = [...Object.keys(registry.decoders), ...Object.keys(searches)]
  throw new OptionError(`Expected a decoder or search (${names.join(', ')}), got \`${name}\`${didYouMean(name, names)}`)
}
