import { randomUUID } from 'node:crypto'
import { concat, defer, finalize, lastValueFrom, map, merge, type Observable, of, takeUntil, tap, timer, toArray } from 'rxjs'
import { ApiError } from '../ApiError.js'
import { errorOf } from '../errorOf.js'
import type { AnswerFormat, AnswerHead } from './answers.js'
import type { ChoiceEvent, ReplyChoice } from './choices.js'
import { eventStream } from './eventStream.js'
import type { Pace } from './pace.js'
import type { Service } from './service.js'

export type RespondOptions = Readonly<{
  service: Service
  format: AnswerFormat
  requestId: string
  /** Replies per prompt. */
  n: number
  /** The prefix of answers' ids. */
  prefix: string
  stream: boolean
  includeUsage: boolean
  pace: Pace
  /** Errors when the client is gone, or the server has to end. */
  gone: Observable<never>
  /** Called when the replies have ended, for whatever reason. */
  end: () => void
  /** Closes the connection. */
  drop: () => void
}>

type Token = Extract<ChoiceEvent, { type: 'token' }>

/** Decodes the replies and answers with them: as one JSON, or as server-sent events. */
export async function respond(choices: readonly ReplyChoice[], options: RespondOptions): Promise<Response> {
  const { service, prefix, stream, gone } = options
  const head = { id: `${prefix}-${randomUUID()}`, created: Math.floor(Date.now() / 1000), model: service.name }
  const limit = service.limits.requestTimeoutMs
  const late = timer(limit).pipe(
    map(() => {
      throw new ApiError(408, `The request was not finished within ${limit} ms`, { code: 'timeout' })
    }),
  )
  // An answer that is cut short is an error, so that nobody takes it for a whole one.
  const events = merge(...choices.map((choice) => choice.events)).pipe(takeUntil(merge(gone, late)), finalize(options.end))
  return stream ? streamed(events, choices, head, options) : whole(events, choices, head, options)
}

const usageOf = (choices: readonly ReplyChoice[], n: number, completionTokens: number) => {
  // Each prompt counts once, however many replies it gets.
  const promptTokens = choices.filter(({ index }) => index % n === 0).reduce((sum, choice) => sum + choice.promptTokens, 0)
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  }
}

async function whole(
  events: Observable<ChoiceEvent>,
  choices: readonly ReplyChoice[],
  head: AnswerHead,
  options: RespondOptions,
) {
  const all = await lastValueFrom(events.pipe(toArray()))
  const tokensOf = new Map<number, Token[]>(choices.map(({ index }) => [index, []]))
  for (const event of all) if (event.type === 'token') tokensOf.get(event.index)!.push(event)
  const ends = new Map(all.flatMap((event) => (event.type === 'end' ? [[event.index, event] as const] : [])))
  const { format, n } = options
  return Response.json({
    ...{ id: head.id, object: format.object, created: head.created, model: head.model },
    choices: choices.map(({ index }) => format.whole(tokensOf.get(index)!, ends.get(index)!)),
    usage: usageOf(choices, n, all.filter(({ type }) => type === 'token').length),
  })
}

function streamed(events: Observable<ChoiceEvent>, choices: readonly ReplyChoice[], head: AnswerHead, options: RespondOptions) {
  const { format, includeUsage, pace, service, n, drop, requestId } = options
  let completionTokens = 0
  const chunk = (choice: object): string =>
    JSON.stringify({
      ...{ id: head.id, object: format.chunkObject, created: head.created, model: head.model, choices: [choice] },
      ...(includeUsage && { usage: null }),
    })
  const { first } = format
  const lines = concat(
    first ? of(...choices.map(({ index }) => chunk(first(index)))) : of(),
    events.pipe(
      tap(({ type }) => {
        if (type === 'token') completionTokens++
      }),
      map((event) => chunk(event.type === 'token' ? format.token(event) : format.end(event))),
    ),
    defer(() => {
      const usage = usageOf(choices, n, completionTokens)
      const { id, created, model } = head
      return includeUsage ? of(JSON.stringify({ id, object: format.chunkObject, created, model, choices: [], usage })) : of()
    }),
    of('[DONE]'),
  )
  return eventStream(lines, {
    ...{ pace, drop },
    stallTimeoutMs: service.limits.stallTimeoutMs,
    errorLine: (error) => JSON.stringify(errorOf(error, { requestId, log: service.onNotice }).body),
  })
}
