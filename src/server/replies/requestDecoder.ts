import type { BoundSearch, NamedSearch, Search } from '../../../pipelines/decoding/decode.js'
import { decoderByName, type Registry } from '../../../pipelines/registry/registry.js'
import { searchByName, searches } from '../../../pipelines/registry/searchRegistry.js'
import { decoderFromSpec } from '../../../pipelines/registry/specs/decoderFromSpec.js'
import { overridden } from '../../../pipelines/registry/specs/overridden.js'
import { checkedSearch } from '../../../pipelines/registry/specs/searchFromSpec.js'
import { OptionError } from '../../core/errors.js'
import { didYouMean } from '../../core/nearest.js'
import type { Decoder, DecoderModels, DecoderSpec } from '../../core/step.js'
import { ApiError } from '../ApiError.js'
import { checkLimit } from '../limits.js'
import type { ResponseFormat, SharedRequest } from '../requests/fields.js'
import { largestK, scoresCandidates } from './candidateLimit.js'
import { withModelLogits } from './modelLogits.js'

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

type Steps = DecoderSpec['steps']

/**
 * Builds the decoder or search that a request asks for. OpenAI's fields become operators in front of it (penalties, biases, a grammar), and
 * options of its steps (`temperature`, `top_p`).
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
  const base = within('rxargs.decoder', () => baseOf(request, options))
  if ('search' in base && request.rxargs?.rewards?.length === 0 && searches[base.search.name]?.needsReward) throw needsReward()
  if ('search' in base) return bind(namedSearch(base.search, request, logprobs), models)
  const first = models.reward?.name
  let spec: DecoderSpec = base
  for (const name of ['k', 'weight'] as const) {
    const value = request.rxargs?.[name] ?? undefined
    if (value !== undefined) spec = within(`rxargs.${name}`, () => overridden(spec, { [name]: value }, first))
  }
  spec = { ...spec, steps: [...processors(request), ...sampling(spec.steps, request)] }
  return within('rxargs', () => {
    const decoder = decoderFromSpec(spec, registry)
    return bind(paced(logprobs ? withModelLogits(decoder) : decoder), models)
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
  const { decoder: name, steps, search } = rxargs ?? {}
  const given = [name, steps, search].filter((one) => one !== undefined && one !== null)
  if (given.length > 1) throw new OptionError('Expected one of `decoder`, `steps` and `search`, got several')
  if (search) return { search: checkedSearch({ search }) }
  if (steps) return { steps: steps.map((step) => step as Steps[number]) }
  if (typeof name === 'string' && Object.hasOwn(searches, name) && !Object.hasOwn(registry.decoders, name))
    return { search: { name, options: {} } }
  const { entry, spec } = bind(typeof name === 'string' ? decoderNamed(name, rxargs?.k, registry) : decoder, models)
  if (entry) return { search: entry }
  if (spec === undefined || spec.steps.some((step) => 'custom' in step))
    throw new OptionError('Expected a decoder of registered operators; that of this server has others')
  return spec
}

/** A decoder with the request's own `k`, if it takes one: the default may be more than the language model gives. */
function decoderNamed(name: string, k: number | null | undefined, registry: Registry): Decoder {
  const entry = Object.hasOwn(registry.decoders, name) ? registry.decoders[name] : undefined
  if (entry) return decoderByName(name, k && 'k' in entry.options.shape ? { k } : {}, registry)
  const names = [...Object.keys(registry.decoders), ...Object.keys(searches)]
  throw new OptionError(`Expected a decoder or search (${names.join(', ')}), got \`${name}\`${didYouMean(name, names)}`)
}

/** Fields that only a decoder takes, because they change the logits of single steps. */
const ofDecoders = ['logit_bias', 'frequency_penalty', 'presence_penalty', 'response_format', 'top_p']

function namedSearch({ name, options }: NamedSearch, request: SharedRequest, logprobs: boolean): Search {
  const fields: Readonly<Record<string, unknown>> = request
  const foreign = logprobs ? 'logprobs' : ofDecoders.find((field) => isSet(field, fields[field]))
  if (foreign !== undefined)
    throw new ApiError(400, `The search \`${name}\` does not take \`${foreign}\`; a decoder does`, { param: foreign })
  const { rxargs, temperature } = request
  if (rxargs?.reply_token_ids?.length)
    throw new ApiError(400, `The search \`${name}\` begins replies itself, so it takes no \`reply_token_ids\``, {
      param: 'rxargs.reply_token_ids',
    })
  const known = Object.keys(searches[name]?.options.shape ?? {})
  const given = {
    k: ['rxargs.k', rxargs?.k],
    weight: ['rxargs.weight', rxargs?.weight],
    temperature: ['temperature', temperature],
  }
  const changes: Record<string, unknown> = {}
  for (const [option, [param, value]] of Object.entries(given)) {
    if (value === undefined || value === null) continue
    if (!known.includes(option))
      throw new ApiError(400, `The search \`${name}\` takes no \`${option}\`; it takes ${known.join(', ')}`, {
        param: String(param),
      })
    changes[option] = value
  }
  return within('rxargs.search', () => searchByName(name, { ...options, ...changes }))
}

/** Whether a field asks for anything. Some clients send what is the default. */
function isSet(field: string, value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === 0) return false
  if (typeof value !== 'object') return field !== 'top_p' || value !== 1
  return 'type' in value ? value.type !== 'text' : Object.keys(value).length > 0
}

const schemaOf = (format: Exclude<ResponseFormat, { type: 'text' }>): Readonly<Record<string, unknown>> =>
  format.type === 'json_schema' ? format.json_schema.schema : { type: 'object' }

/** The operators in front of a decoder. The grammar comes last, so that nothing allows a token that it bans. */
function processors(request: SharedRequest): Steps {
  const { logit_bias: bias, frequency_penalty: frequency, presence_penalty: presence, response_format: format } = request
  return [
    ...(bias && Object.keys(bias).length > 0 ? [{ logitBias: { bias } }] : []),
    ...(frequency ? [{ frequencyPenalty: { penalty: frequency } }] : []),
    ...(presence ? [{ presencePenalty: { penalty: presence } }] : []),
    ...(format && format.type !== 'text' ? [{ grammar: { jsonSchema: schemaOf(format) } }] : []),
  ]
}

const has = (step: Steps[number], operator: string): boolean => Object.hasOwn(step, operator)

/**
 * Applies `temperature` and `top_p`. A temperature of 0 selects the best candidate, any other samples. A decoder of one candidate samples from
 * the whole vocabulary then, as a plain language model does.
 */
function sampling(steps: Steps, { temperature, top_p: p }: SharedRequest): Steps {
  if (temperature && isGreedy(steps)) return [...steps.slice(0, -2), ...sampled(temperature, p ?? 1)]
  const narrowed = p === undefined || p === null || p === 1 ? steps : withTopP(steps, p)
  if (temperature === undefined || temperature === null) return narrowed
  if (temperature === 0) {
    return narrowed
      .filter((step) => !has(step, 'temperature'))
      .map((step) => (has(step, 'sampleTemperature') ? { selectGreedy: {} } : step))
  }
  const divides = narrowed.some((step) => has(step, 'temperature'))
  return narrowed.map((step) => {
    if (divides) return has(step, 'temperature') ? { temperature: { temperature } } : step
    return has(step, 'sampleTemperature') || has(step, 'selectGreedy') ? { sampleTemperature: { temperature } } : step
  })
}

/** The last two steps of greedy decoding. */
const isGreedy = (steps: Steps): boolean => {
  const { topK } = (steps.at(-2) ?? {}) as { topK?: { k?: unknown } }
  return topK?.k === 1 && has(steps.at(-1)!, 'selectGreedy')
}

const sampled = (temperature: number, p: number): Steps => [
  { temperature: { temperature } },
  { topP: { p } },
  { sampleTemperature: {} },
]

function withTopP(steps: Steps, p: number): Steps {
  if (steps.some((step) => has(step, 'topP'))) return steps.map((step) => (has(step, 'topP') ? { topP: { p } } : step))
  if (isGreedy(steps)) return steps // The likeliest token is in every nucleus.
  throw new ApiError(400, 'The decoder keeps the k likeliest tokens, so it takes no `top_p`; the decoder `nucleus` does', {
    param: 'top_p',
  })
}
