import { args } from '../../../pipelines/decoders/args.js'
import { greedy } from '../../../pipelines/decoders/greedy.js'
import type { Models } from '../../../src/core/run.js'
import { type Limits, limitsOptions } from '../../../src/server/limits.js'
import { type Service, type ServiceOptions, startService } from '../../../src/server/replies/service.js'
import { type RunningServer, startServer } from '../../../src/server/startServer.js'
import { fakeModels } from '../../fakes.js'

export type Served = RunningServer &
  Readonly<{
    service: Service
    post: (path: string, body: unknown, more?: RequestInit) => Promise<Response>
    /** Posts and reads the answer, which must be no error. */
    answer: <T = Answer>(path: string, body: unknown) => Promise<T>
    /** Posts with `stream` and reads the events. */
    chunks: <T = Chunk>(path: string, body: object) => Promise<T[]>
    close: () => Promise<void>
  }>

export type Rxargs = Readonly<{
  rewards?: Readonly<Record<string, number | null>>
  seed?: number
  error?: string
  tokens?: readonly Readonly<{
    id: number
    text: string
    logit: number
    score: number
    rewards: Readonly<Record<string, number>>
    candidates?: readonly Readonly<{ id: number; logit: number; score: number; rewards: Readonly<Record<string, number>> }>[]
    chosen?: number
  }>[]
}>
export type Answer = Readonly<{
  choices: readonly Readonly<{
    index: number
    text: string
    message: Readonly<{ content: string }>
    finish_reason: string
    logprobs: Readonly<{
      tokens: string[]
      token_logprobs: number[]
      top_logprobs: Record<string, number>[]
      text_offset: number[]
      content: { id: number; logprob: number; top_logprobs: { id: number; logprob: number }[] }[]
    }>
    rxargs: Rxargs
  }>[]
  usage: Readonly<{ prompt_tokens: number; completion_tokens: number; total_tokens: number }>
}>
export type Chunk = Readonly<{
  error?: Readonly<{ code: string; message: string }>
  choices: readonly Readonly<{
    index: number
    text: string
    delta: Readonly<{ content?: string; role?: string }>
    finish_reason: string | null
    rxargs?: Rxargs
  }>[]
  usage?: Answer['usage'] | null
}>

type ServedOptions = Partial<Omit<ServiceOptions, 'limits' | 'models'>> &
  Readonly<{ limits?: Partial<Limits>; keys?: readonly string[]; origins?: readonly string[] }>

const headers = { 'content-type': 'application/json' }

/** Serves models on a free port of loopback. */
export async function serve(
  models: Models = fakeModels(),
  { limits = {}, keys, origins, ...more }: ServedOptions = {},
): Promise<Served> {
  const decoder = models.rewards.length > 0 ? args({ k: 5 }) : greedy()
  const service = startService({
    ...{ name: 'tiny', models, decoder, decoderName: 'args', maxNewTokens: 16, limits: limitsOptions.parse(limits) },
    ...more,
  })
  const server = await startServer({ service, host: '127.0.0.1', port: 0, ...(keys && { keys }), ...(origins && { origins }) })
  const post: Served['post'] = (path, body, init = {}) =>
    fetch(`${server.url}${path}`, {
      ...{ method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body) },
      ...init,
    })
  const text = async (path: string, body: unknown): Promise<string> => {
    const response = await post(path, body)
    const answer = await response.text()
    if (!response.ok) throw new Error(`${response.status}: ${answer}`)
    return answer
  }
  return {
    ...server,
    ...{ service, post },
    answer: async (path, body) => JSON.parse(await text(path, body)),
    chunks: async (path, body) => eventsIn(await text(path, { ...body, stream: true })),
    close: async () => {
      await server.drain(0)
      await models.close()
    },
  }
}

/** The data of server-sent events; the last one must be `[DONE]`, or an error. */
export function eventsIn<T>(text: string): T[] {
  const data = text
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => event.replace(/^data: /, ''))
  const last = data.at(-1) ?? 'nothing'
  if (last !== '[DONE]' && !last.startsWith('{"error"')) throw new Error(`the stream ended with ${last}`)
  return data.filter((line) => line !== '[DONE]').map((line) => JSON.parse(line) as T)
}
