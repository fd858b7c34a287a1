import { fileURLToPath } from 'node:url'
import { serveStatic } from '@hono/node-server/serve-static'
import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { fromEvent } from 'rxjs'
import type * as z from 'zod'
import { ApiError } from './ApiError.js'
import { errorOf } from './errorOf.js'
import { modelList } from './modelList.js'
import { chatFormat, textFormat, tokenName } from './replies/answers.js'
import { pace } from './replies/pace.js'
import { requestChoices } from './replies/requestChoices.js'
import { respond } from './replies/respond.js'
import type { Service } from './replies/service.js'
import { chatRequest } from './requests/chatRequest.js'
import { completionRequest } from './requests/completionRequest.js'
import type { SharedRequest } from './requests/fields.js'
import { messagesOf, promptsOf } from './requests/prompts.js'
import { readBody } from './requests/readBody.js'

const page = fileURLToPath(new URL('./page', import.meta.url))

/** Pages load nothing from elsewhere, run no inline script, and are shown in no frame. */
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** The HTTP interface of an service. */
export function app(service: Service): Hono {
  const server = new Hono()
  const { limits } = service
  server.use(async (context, next) => {
    await next()
    context.header('x-content-type-options', 'nosniff')
    context.header('referrer-policy', 'no-referrer')
    context.header('content-security-policy', CONTENT_SECURITY_POLICY)
  })
  server.use(
    bodyLimit({
      maxSize: limits.maxBodyBytes,
      onError: () => {
        throw new ApiError(413, `Expected a body of at most ${limits.maxBodyBytes} bytes`, { code: 'body_too_large' })
      },
    }),
  )
  server.onError((error) => {
    const { status, body, headers } = errorOf(error)
    return Response.json(body, { status, headers })
  })
  server.notFound(({ req }) => {
    const { body } = new ApiError(404, `There is no ${req.method} ${req.path}`, { code: 'not_found' })
    return Response.json(body, { status: 404 })
  })

  server.get('/v1/models', ({ json }) => json(modelList(service)))
  server.get('/health', ({ json }) => json({ status: 'ok' }))

  server.post('/v1/completions', async (context) => {
    const request = await bodyOf(context, completionRequest)
    return answer(service, context, request, {
      ...{ prompts: promptsOf(request.prompt), maxTokens: request.max_tokens ?? undefined },
      ...{ logprobs: request.logprobs ?? undefined, format: textFormat, prefix: 'cmpl' },
    })
  })
  server.post('/v1/chat/completions', async (context) => {
    const request = await bodyOf(context, chatRequest)
    const { top_logprobs: top, logprobs } = request
    if (top && !logprobs)
      throw new ApiError(400, 'Expected `logprobs` to be true beside `top_logprobs`', { param: 'top_logprobs' })
    return answer(service, context, request, {
      ...{ prompts: [messagesOf(request)], maxTokens: request.max_completion_tokens ?? request.max_tokens ?? undefined },
      ...{ logprobs: logprobs ? (top ?? 0) : undefined, format: chatFormat, prefix: 'chatcmpl' },
    })
  })
  server.use('*', serveStatic({ root: page }))
  return server
}

async function bodyOf<T extends z.ZodObject>({ req }: Context, schema: T): Promise<z.output<T>> {
  const type = req.header('content-type')
  if (type !== undefined && !/^application\/json\b/i.test(type))
    throw new ApiError(415, `Expected the content type application/json, got ${type.slice(0, 100)}`)
  return readBody(await req.text(), schema)
}

type AnswerOptions = Parameters<typeof requestChoices>[2] & Readonly<{ format: typeof textFormat; prefix: string }>

function answer(service: Service, { req }: Context, request: SharedRequest, { format, prefix, ...requested }: AnswerOptions) {
  const own = pace()
  const choices = requestChoices(service, request, requested, own)
  const nameOf = tokenName(service.models.lm.codec, request.return_tokens_as_token_ids ?? false)
  return respond(choices, {
    ...{ service, prefix, pace: own, format: format(nameOf), n: request.n ?? 1, stream: request.stream ?? false },
    includeUsage: request.stream_options?.include_usage ?? false,
    gone: fromEvent(req.raw.signal, 'abort'),
  })
}
