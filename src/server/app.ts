import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import type { HttpBindings } from '@hono/node-server'
import { serveStatic } from '@hono/node-server/serve-static'
import { Hono, type Context as HonoContext } from 'hono'
import { defer, fromEvent, map, merge, type Observable, of } from 'rxjs'
import type * as z from 'zod'
import { ApiError } from './ApiError.js'
import { errorOf } from './errorOf.js'
import { type GuardOptions, guard } from './http/guards.js'
import { openApi } from './http/openApi.js'
import { modelList } from './modelList.js'
import { chatFormat, textFormat, tokenName } from './replies/answers.js'
import { pace } from './replies/pace.js'
import { requestChoices } from './replies/requestChoices.js'
import { requestGrammar } from './replies/requestGrammar.js'
import { respond } from './replies/respond.js'
import type { Service } from './replies/service.js'
import { chatRequest } from './requests/chatRequest.js'
import { completionRequest } from './requests/completionRequest.js'
import type { SharedRequest } from './requests/fields.js'
import { messagesOf, promptsOf } from './requests/prompts.js'
import { readBody } from './requests/readBody.js'
import { classifyRequest, scoreRequest } from './requests/scoreRequests.js'
import { answerClassify, answerScore } from './scoreTexts.js'

const posts = ['/v1/completions', '/v1/chat/completions', '/v1/score', '/classify', '/v1/classify']

/** Routes by which requests are counted; paths of clients would be without end. */
const routes = [...posts, '/v1/models', '/openapi.json', '/health', '/ready', '/metrics', '/']

const page = fileURLToPath(new URL('./page', import.meta.url))

type Bindings = Readonly<{ Bindings: HttpBindings; Variables: { requestId: string } }>
type Context = HonoContext<Bindings>

export type AppOptions = Readonly<{ service: Service; guards: Omit<GuardOptions, 'maxBodyBytes'> }>

/** The HTTP interface of a service. */
export function app({ service, guards }: AppOptions): Hono<Bindings> {
  const server = new Hono<Bindings>()
  const { limits, life, metrics } = service
  server.use(async (context, next) => {
    const startedAt = performance.now()
    context.set('requestId', randomUUID())
    await next()
    context.header('x-request-id', context.get('requestId'))
    metrics?.onRequest(
      routes.includes(context.req.path) ? context.req.path : 'other',
      context.res.status,
      (performance.now() - startedAt) / 1000,
    )
  })
  guard(server, { maxBodyBytes: limits.maxBodyBytes, ...guards })
  server.onError((error, { env, var: { requestId } }) => {
    // A client that leaves in the middle of its body is no failure of the server.
    const log = env.incoming.complete ? service.onNotice : () => undefined
    const { status, body, headers } = errorOf(error, { requestId, log })
    return Response.json(body, { status, headers })
  })
  server.notFound(({ req }) => {
    const { body } = new ApiError(404, `There is no ${req.method} ${req.path}`, { code: 'not_found' })
    return Response.json(body, { status: 404 })
  })

  server.get('/v1/models', ({ json }) => json(modelList(service)))
  server.get('/v1/models/:name{.+}', ({ json, req }) => {
    const found = modelList(service).data.find(({ id }) => id === req.param('name'))
    if (found) return json(found)
    throw new ApiError(404, `The model \`${req.param('name')}\` is not served here`, { param: 'model', code: 'model_not_found' })
  })
  server.get('/openapi.json', ({ json }) => json(openApi()))
  server.get('/health', ({ json }) => json({ status: 'ok' }))
  server.get('/ready', ({ json }) => json({ status: life.phase }, life.phase === 'ready' ? 200 : 503))
  server.get('/metrics', async ({ body }) => {
    if (metrics) return body(await metrics.text(), 200, { 'content-type': metrics.contentType })
    throw new ApiError(404, 'There are no metrics: npm install prom-client, then start the server again', { code: 'not_found' })
  })

  server.on('POST', [...posts], (_, next) => {
    if (life.phase === 'ready') return next()
    throw new ApiError(503, life.phase === 'lost' ? 'A model of this server was lost' : 'The server is shutting down', {
      code: life.phase === 'lost' ? 'model_lost' : 'shutting_down',
      headers: { connection: 'close' },
    })
  })
  server.post('/v1/completions', async (context) => {
    const request = await bodyOf(context, completionRequest)
    return answer(service, context, request, {
      ...{ prompts: promptsOf(request.prompt), maxTokens: request.max_tokens ?? undefined, maxTokensField: 'max_tokens' },
      ...{ logprobs: request.logprobs ?? undefined, format: textFormat, prefix: 'cmpl' },
    })
  })
  server.post('/v1/chat/completions', async (context) => {
    const request = await bodyOf(context, chatRequest)
    const { top_logprobs: top, logprobs, max_tokens: most, max_completion_tokens: mostOfReply } = request
    if (top && !logprobs)
      throw new ApiError(400, 'Expected `logprobs` to be true beside `top_logprobs`', { param: 'top_logprobs' })
    if (most && mostOfReply && most !== mostOfReply)
      throw new ApiError(
        400,
        `Expected \`max_tokens\` and \`max_completion_tokens\` to be the same, got ${most} and ${mostOfReply}`,
        { param: 'max_tokens', code: 'invalid_value' },
      )
    return answer(service, context, request, {
      ...{ prompts: [messagesOf(request)], maxTokens: mostOfReply ?? most ?? undefined },
      maxTokensField: mostOfReply ? 'max_completion_tokens' : 'max_tokens',
      ...{ logprobs: logprobs ? (top ?? 0) : undefined, format: chatFormat, prefix: 'chatcmpl' },
    })
  })
  for (const path of ['/classify', '/v1/classify'])
    server.post(path, async (context) =>
      context.json(await answerClassify(service, await bodyOf(context, classifyRequest), goneOf(service, context))),
    )
  server.post('/v1/score', async (context) =>
    context.json(await answerScore(service, await bodyOf(context, scoreRequest), goneOf(service, context))),
  )
  server.all('/*', ({ req }, next) => {
    const allowed = posts.includes(req.path) ? 'POST' : 'GET, HEAD'
    if (allowed.includes(req.method)) return next()
    throw new ApiError(405, `Expected ${allowed}, got ${req.method}`, { code: 'method_not_allowed', headers: { allow: allowed } })
  })
  server.get('/*', serveStatic({ root: page }))
  return server
}

/** Errors once the client has gone or the server ends. */
const goneOf = ({ life }: Service, { req }: Context): Observable<never> => {
  const errs = (message: string, code: string) =>
    map((): never => {
      throw new ApiError(503, message, { code })
    })
  return merge(
    defer(() => (req.raw.signal.aborted ? of(true) : fromEvent(req.raw.signal, 'abort'))).pipe(
      errs('The client has gone', 'cancelled'),
    ),
    life.ended.pipe(errs('The server is shutting down', 'shutting_down')),
  )
}

async function bodyOf<T extends z.ZodObject>({ req }: Context, schema: T): Promise<z.output<T>> {
  // A page of another site can send anything else without asking first.
  const type = req.header('content-type') ?? 'none'
  if (!/^application\/json\s*(;|$)/i.test(type))
    throw new ApiError(415, `Expected the content type application/json, got ${type.slice(0, 100)}`)
  return readBody(utf8(await req.arrayBuffer()), schema)
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function utf8(bytes: ArrayBuffer): string {
  try {
    return decoder.decode(bytes)
  } catch {
    throw new ApiError(400, 'Expected the body to be UTF-8', { code: 'invalid_json' })
  }
}

type AnswerOptions = Omit<Parameters<typeof requestChoices>[2], 'requestId'> &
  Readonly<{ format: typeof textFormat; prefix: string }>

async function answer(service: Service, context: Context, request: SharedRequest, options: AnswerOptions): Promise<Response> {
  const { format, prefix, ...requested } = options
  const own = pace()
  const grammar = requestGrammar(service)
  const { requestId } = context.var
  try {
    const choices = requestChoices(service, request, { ...requested, requestId }, { pace: own, grammar })
    await grammar.compile()
    const nameOf = tokenName(service.models.lm.codec, request.return_tokens_as_token_ids ?? false)
    return await respond(choices, {
      ...{ service, requestId, prefix, pace: own, format: format(nameOf), n: request.n ?? 1, stream: request.stream ?? false },
      includeUsage: request.stream_options?.include_usage ?? false,
      ...{ gone: goneOf(service, context), end: grammar.close },
      drop: () => context.env.outgoing.destroy(),
    })
  } catch (error) {
    grammar.close()
    throw error
  }
}
