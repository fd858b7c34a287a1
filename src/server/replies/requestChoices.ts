import { randomInt } from 'node:crypto'
import { InputError, OptionError, ShapeError, TemplateError } from '../../core/errors.js'
import type { Prompt } from '../../core/prompt.js'
import { ApiError } from '../ApiError.js'
import { checkLimit } from '../limits.js'
import type { SharedRequest } from '../requests/fields.js'
import { choices, type ReplyChoice } from './choices.js'
import type { Pace } from './pace.js'
import { requestDecoder } from './requestDecoder.js'
import type { RequestGrammar } from './requestGrammar.js'
import { requestRewards } from './requestRewards.js'
import type { Service } from './service.js'

/** The id of a prompt without one. Sampling depends on it, so that equal requests with equal seeds get equal replies. */
export const DEFAULT_ID = 'prompt'

/** Seeds that the server draws are short enough to be typed. */
const SEEDS = 2 ** 31

type Content = Pick<Prompt, 'content' | 'tokenIds'>

export type RequestedReplies = Readonly<{
  prompts: readonly Content[]
  maxTokens: number | undefined
  /** The field that holds `maxTokens`. */
  maxTokensField: 'max_tokens' | 'max_completion_tokens'
  /** How many of the likeliest tokens to report at each step; undefined for none at all. */
  logprobs: number | undefined
  requestId: string
}>

/**
 * Turns a request into replies that have not started.
 *
 * @throws ApiError for anything that the models, the decoder or the limits refuse
 */
export function requestChoices(
  service: Service,
  request: SharedRequest,
  requested: RequestedReplies,
  { pace, grammar }: Readonly<{ pace: Pace; grammar: RequestGrammar }>,
): ReplyChoice[] {
  const { replies, limits, registry, decoder } = service
  const { prompts, logprobs, requestId } = requested
  const { rxargs } = request
  if (request.model !== undefined && request.model !== null && request.model !== service.name)
    throw new ApiError(404, `The model \`${request.model}\` is not served here; \`${service.name}\` is`, {
      param: 'model',
      code: 'model_not_found',
    })
  if (request.stream_options && !request.stream)
    throw new ApiError(400, 'Expected `stream` to be true beside `stream_options`', { param: 'stream_options' })
  const n = request.n ?? 1
  checkLimit('n', n, limits.maxN)
  checkLimit('prompt', prompts.length, limits.maxPrompts, 'prompts')
  if (logprobs !== undefined) checkLimit('logprobs', logprobs, limits.maxLogprobs)
  if (rxargs?.k) checkLimit('rxargs.k', rxargs.k, limits.maxCandidates)
  const { vocabSize } = replies.scheduled.lm.codec
  const foreign = Object.keys(request.logit_bias ?? {}).find((id) => Number(id) >= vocabSize)
  if (foreign !== undefined)
    throw new ApiError(400, `Expected token ids below ${vocabSize} in \`logit_bias\`, got ${foreign}`, { param: 'logit_bias' })
  const begun = rxargs?.reply_token_ids ?? []
  const unknown = begun.find((id) => id >= vocabSize)
  if (unknown !== undefined)
    throw new ApiError(400, `Expected token ids below ${vocabSize} in \`rxargs.reply_token_ids\`, got ${unknown}`, {
      param: 'rxargs.reply_token_ids',
      code: 'invalid_value',
    })
  const { response_format: format } = request
  if (format?.type === 'json_schema')
    checkLimit('response_format', JSON.stringify(format.json_schema.schema).length, limits.maxSchemaBytes, 'bytes of a schema')

  return said(prompts.some(({ content }) => content?.messages) ? 'messages' : 'prompt', () => {
    const models = grammar.threaded(requestRewards(service, rxargs?.rewards))
    const search = requestDecoder(request, {
      ...{ decoder, registry, models, bind: replies.bind, paced: pace.decoder },
      maxCandidates: limits.maxCandidates,
      logprobs: logprobs !== undefined,
    })
    const { sequences = 1 } = search
    checkLimit('rxargs', sequences, limits.maxSequences, 'the sequences that a search decodes at once')
    service.slots.reserve(prompts.length * n * Math.min(sequences, limits.maxRunning))
    const { maxTokens, maxTokensField: field } = requested
    if (maxTokens !== undefined && limits.maxReplyTokens !== undefined) checkLimit(field, maxTokens, limits.maxReplyTokens)
    const most = replies.contextLength - 1
    const maxNewTokens = maxTokens === undefined ? Math.min(most, begun.length + service.maxNewTokens) : begun.length + maxTokens
    checkLimit(field, maxNewTokens, most)
    return choices(service, {
      prompts: prompts.map((prompt) => ({
        id: rxargs?.id ?? DEFAULT_ID,
        ...prompt,
        ...(begun.length > 0 && { replyTokenIds: begun }),
      })),
      n,
      settings: {
        ...{ search, models, stop: [request.stop ?? []].flat(), seed: request.seed ?? randomInt(SEEDS), truncate: 'error' },
        maxNewTokens,
        // Without a limit of its own, a reply may end with the context.
        maxPromptTokens: limits.maxPromptTokens ?? (maxTokens === undefined ? most : undefined),
      },
      detail: rxargs?.detail ?? 'none',
      ...{ logprobs, requestId },
    })
  })
}

/** What was wrong with a prompt or an option is an error of the request. */
function said<T>(param: 'messages' | 'prompt', make: () => T): T {
  try {
    return make()
  } catch (error) {
    if (error instanceof TemplateError) throw new ApiError(400, error.withoutFolder, { param, code: 'invalid_prompt' })
    if (error instanceof InputError || error instanceof ShapeError)
      throw new ApiError(400, error.message, { param, code: contextCode(error.message) })
    if (error instanceof OptionError) throw new ApiError(400, error.message, { code: 'invalid_value' })
    throw error
  }
}

const contextCode = (message: string): string => (/ tokens/.test(message) ? 'context_length_exceeded' : 'invalid_prompt')
