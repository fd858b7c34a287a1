import { from, map } from 'rxjs'
import type { NamedSearch, Search } from '../../../pipelines/decoding/decode.js'
import { chain } from '../../../pipelines/decoding/steps.js'
import type { Registry } from '../../../pipelines/registry/registry.js'
import { searchByName, searches } from '../../../pipelines/registry/searchRegistry.js'
import type { DescribedOperator } from '../../core/described.js'
import { OptionError } from '../../core/errors.js'
import type { LanguageModel } from '../../core/model.js'
import type { LogitsStep } from '../../core/step.js'
import { ApiError } from '../ApiError.js'
import type { SharedRequest } from '../requests/fields.js'
import { addModelLogits } from './modelLogits.js'
import { processors, type Steps } from './requestSteps.js'

export type RequestSearchOptions = Readonly<{
  registry: Registry
  /** Whether steps must carry the language model's own logits. */
  logprobs: boolean
}>

/**
 * Makes the search of a request. It searches the language model as the request's penalties, biases and grammar change it.
 *
 * @throws ApiError for a field that the search does not take
 */
export function requestSearch(named: NamedSearch, request: SharedRequest, { registry, logprobs }: RequestSearchOptions): Search {
  if (request.rxargs?.reply_token_ids?.length)
    throw refusal(
      `The search \`${named.name}\` begins replies itself, so it takes no \`reply_token_ids\``,
      'rxargs.reply_token_ids',
    )
  const operators = processors(request)
  const search = withFields(named, request)
  const processed = operators.length > 0 ? withProcessors(search, operators, registry) : search
  return logprobs ? withLogprobs(processed) : processed
}

const refusal = (message: string, param: string): ApiError => new ApiError(400, message, { param, code: 'invalid_value' })

/** Sets the options of a search that are fields of the request. */
function withFields({ name, options }: NamedSearch, { rxargs, temperature, top_p }: SharedRequest): Search {
  const known = Object.keys(searches[name]?.options.shape ?? {})
  const fields: readonly (readonly [option: string, param: string, value: unknown])[] = [
    ['k', 'rxargs.k', rxargs?.k],
    ['weight', 'rxargs.weight', rxargs?.weight],
    ['temperature', 'temperature', temperature],
    ['p', 'top_p', top_p],
  ]
  const changes: Record<string, unknown> = {}
  for (const [option, param, value] of fields) {
    if (value === undefined || value === null || isMet(option, value, known, name)) continue
    if (!known.includes(option))
      throw refusal(`The search \`${name}\` takes no \`${param.replace(/^.*\./, '')}\`; it takes ${known.join(', ')}`, param)
    if (option === 'temperature' && value === 0)
      throw refusal(`The search \`${name}\` compares samples, so it takes a \`temperature\` above 0, got 0`, param)
    changes[option] = value
    checked(param, () => searchByName(name, { [option]: value }))
  }
  return checked(rxargs?.options ? 'rxargs.options' : 'rxargs.search', () => searchByName(name, { ...options, ...changes }))
}

/** Whether a search that never samples does what the field asks anyway. The best candidate of a step is in every nucleus; a beam's may not be. */
const isMet = (option: string, value: unknown, known: readonly string[], name: string): boolean =>
  !known.includes('temperature') &&
  ((option === 'temperature' && value === 0) || (option === 'p' && (value === 1 || name === 'rollout')))

function checked<T>(param: string, make: () => T): T {
  try {
    return make()
  } catch (error) {
    if (error instanceof OptionError) throw refusal(error.message, param)
    throw error
  }
}

/** Shows a search the language model with logits that the operators have changed. */
const withProcessors = (search: Search, steps: Steps, { operators }: Registry): Search => ({
  search: (models) => {
    const made = steps.map((step) => {
      const [name, options] = Object.entries(step)[0]!
      return operators[name]!.make(options as Readonly<Record<string, unknown>>, models)
    })
    return { ...search.search({ ...models, lm: changedBy(models.lm, made) }), need: 'all' }
  },
})

function changedBy(lm: LanguageModel, operators: readonly DescribedOperator<never, unknown>[]): LanguageModel {
  const change = chain<LogitsStep, LogitsStep>(operators)
  return {
    ...lm,
    // Operators count on all tokens, however few of them the search needs.
    logits: (sequence, _, promptTokenIds) =>
      from(lm.logits(sequence, 'all', promptTokenIds)).pipe(
        map((logits) => ({ sequence, logits })),
        change,
        map(({ logits }) => logits),
      ),
  }
}

const withLogprobs = (search: Search): Search => ({
  search: (models) => {
    const bound = search.search(models)
    return { ...bound, need: 'all', steps: (start, finish) => bound.steps(start, finish).pipe(addModelLogits(models.lm)) }
  },
})
