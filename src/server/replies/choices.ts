import { map, type Observable } from 'rxjs'
import type { DecodedStep } from '../../../pipelines/decoding/decode.js'
import type { ReplySettings } from '../../../pipelines/run/replyDecoder.js'
import type { Prompt } from '../../core/prompt.js'
import { tokenText } from '../../core/text/decodedText.js'
import { rewardFailure } from '../errorOf.js'
import type { Detail } from '../requests/rxargsFields.js'
import { type StepLogprobs, stepLogprobs } from './modelLogits.js'
import type { Service } from './service.js'

/** A candidate of a step, or a chosen token. Numbers that are not finite are null. */
export type TokenNumbers = Readonly<{
  id: number
  text: string
  logit: number | null
  score: number | null
  rewards: Readonly<Record<string, number | null>>
}>

/** A decoded token. `candidates` are in the order of the step, and `chosen` is the index of the token among them. */
export type TokenDetail = TokenNumbers & Readonly<{ candidates?: readonly TokenNumbers[]; chosen?: number }>

/** What happened in one choice of an answer. */
export type ChoiceEvent =
  | Readonly<{ type: 'token'; index: number; tokenId: number; text: string; detail?: TokenDetail; logprobs?: StepLogprobs }>
  | Readonly<{
      type: 'end'
      index: number
      reason: 'stop' | 'length'
      rewards: Readonly<Record<string, number | null>>
      seed: number
      error?: string
    }>

/** One reply of an answer, which has not started. */
export type ReplyChoice = Readonly<{ index: number; promptTokens: number; events: Observable<ChoiceEvent> }>

export type ChoicesOptions = Readonly<{
  prompts: readonly Prompt[]
  n: number
  settings: ReplySettings
  detail: Detail
  /** How many of the likeliest tokens to report at each step; undefined for none at all. */
  logprobs: number | undefined
  requestId: string
}>

/**
 * Prepares `n` replies to each prompt. All of them are tokenized here, so that a bad prompt is an error before anything runs.
 *
 * @throws InputError, TemplateError for a prompt that cannot be decoded
 */
export function choices(service: Service, { prompts, n, settings, detail, logprobs, requestId }: ChoicesOptions): ReplyChoice[] {
  return prompts.flatMap((prompt, at) =>
    Array.from({ length: n }, (_, sample): ReplyChoice => {
      const index = at * n + sample
      const { start, events } = service.replies.prepare({ prompt, sample }, settings)
      if (sample === 0) service.metrics?.addTokens('prompt', start.promptTokenIds.length)
      return {
        index,
        promptTokens: start.promptTokenIds.length,
        events: service.admit(
          events.pipe(
            map((event): ChoiceEvent => {
              if (event.type === 'step') {
                const { step, text } = event
                service.metrics?.addTokens('completion', 1)
                return {
                  ...{ type: 'token', index, tokenId: step.tokenId, text },
                  ...(detail !== 'none' && { detail: detailOf(service, step, detail) }),
                  ...(logprobs !== undefined && { logprobs: stepLogprobs(step, logprobs) }),
                }
              }
              const { values: rewards, error, last } = event
              const { reason } = last.finish!
              if (error !== undefined) service.onNotice(`Request ${requestId}: a reward of a reply failed: ${error}`)
              return {
                type: 'end',
                index,
                reason,
                rewards,
                seed: settings.seed,
                ...(error !== undefined && { error: rewardFailure(requestId) }),
              }
            }),
          ),
          settings.search.sequences,
        ),
      }
    }),
  )
}

const finite = (value: number | undefined): number | null => (value !== undefined && Number.isFinite(value) ? value : null)

function detailOf({ replies }: Service, step: DecodedStep, detail: Exclude<Detail, 'none'>): TokenDetail {
  const { tokenIds, tokenLogits, scores, rewards = {}, index: chosen, sequence } = step
  const before = [...sequence.promptTokenIds, ...sequence.tokenIds.slice(0, -1)]
  const { codec } = replies.scheduled.lm
  const numbers = (at: number): TokenNumbers => ({
    id: tokenIds[at]!,
    text: tokenText(codec, before, tokenIds[at]!),
    logit: finite(tokenLogits[at]),
    score: finite(scores[at]),
    rewards: Object.fromEntries(Object.entries(rewards).map(([name, values]) => [name, finite(values[at])])),
  })
  if (detail === 'tokens') return numbers(chosen)
  return { ...numbers(chosen), candidates: Array.from(tokenIds, (_, at) => numbers(at)), chosen }
}
