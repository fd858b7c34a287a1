import { setTimeout } from 'node:timers/promises'
import { messageOf, RemoteError } from '../../core/errors.js'
import type { Message } from '../../core/types.js'

export type ChatOptions = Readonly<{
  /** Of an OpenAI-compatible server, such as `http://127.0.0.1:8000/v1`. */
  url: string
  model: string
  /** Sent as a bearer token; in no message. */
  key?: string
  timeoutMs: number
  /** Further attempts after one that may do better next time. */
  retries: number
  /** The first pause before a further attempt; each next one is twice as long. */
  backoffMs: number
  /** How it waits. */
  sleep?: (milliseconds: number, signal: AbortSignal) => Promise<unknown>
}>

/** `tokens`: prompt and answer together, as the server's `usage` says. */
export type ChatAnswer = Readonly<{ text: string; tokens?: number }>

/** Told of each request: may it be made, and what it used. */
export type RequestWatch = Readonly<{ admit: () => Promise<void>; settle: (tokens?: number) => void }>

/** Nobody waits longer for a server that asks for patience. */
const LONGEST_PAUSE_MS = 5 * 60_000
const MESSAGE = 200

/** May do better next time. */
class Passing extends Error {
  constructor(
    message: string,
    readonly pauseMs = 0,
  ) {
    super(message)
  }
}

/** `Retry-After` in milliseconds: seconds, or a date. */
function retryAfter(headers: Headers, now: number): number {
  const given = headers.get('retry-after')
  if (given === null) return 0
  const pause = /^\s*\d+(\.\d+)?\s*$/.test(given) ? Number(given) * 1000 : Date.parse(given) - now
  return Number.isFinite(pause) ? Math.max(0, pause) : 0
}

const sleepFor = (milliseconds: number, signal: AbortSignal): Promise<unknown> => setTimeout(milliseconds, undefined, { signal })

/** An address of chat completions: the server's, or already that of its endpoint. */
export function endpointOf(url: string): string {
  const address = URL.canParse(url) ? new URL(url) : undefined
  if (!address || !/^https?:$/.test(address.protocol)) throw new RemoteError(`Expected an http(s) address, got \`${url}\``, true)
  address.pathname = address.pathname.replace(/\/+$/, '').replace(/(\/chat\/completions)?$/, '/chat/completions')
  return address.href
}

/**
 * A chat model behind an OpenAI-compatible endpoint: messages → answer, at temperature 0. Rate limits (429), failures of the server
 * (5xx), time-outs, lost connections and answers that are cut are tried again after a pause, as long as `Retry-After` asks for at least.
 *
 * - errors: `RemoteError` when an attempt cannot do better, or all are used up; what `watch.admit` rejects with; the signal's reason
 */
export function chatCompletions(options: ChatOptions) {
  const { url, model, key, timeoutMs, retries, backoffMs, sleep = sleepFor } = options
  const endpoint = endpointOf(url)
  const headers = { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }) }
  const hidden = (text: string): string => (key ? text.replaceAll(key, '…') : text)

  const attempt = async (messages: readonly Message[], signal: AbortSignal): Promise<ChatAnswer> => {
    const body = JSON.stringify({ model, messages, temperature: 0 })
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    try {
      const response = await fetch(endpoint, { method: 'POST', headers, body, signal: limit, redirect: 'error' })
      if (!response.ok) throw await refusal(response, hidden)
      return answerOf(JSON.parse(await response.text()))
    } catch (error) {
      if (error instanceof RemoteError || error instanceof Passing || signal.aborted) throw error
      if (limit.aborted) throw new Passing(`no answer within ${timeoutMs} ms`)
      // fetch says why it failed in the cause.
      const { cause } = error as { cause?: unknown }
      throw new Passing(hidden(messageOf(cause ?? error)))
    }
  }
  return async (messages: readonly Message[], watch: RequestWatch, signal: AbortSignal): Promise<ChatAnswer> => {
    let pause = 0
    for (let failed = 0; ; failed++) {
      await watch.admit()
      let tokens: number | undefined
      try {
        const answer = await attempt(messages, signal)
        tokens = answer.tokens
        return answer
      } catch (error) {
        if (!(error instanceof Passing)) throw error
        if (failed === retries || error.pauseMs > LONGEST_PAUSE_MS)
          throw new RemoteError(
            `${endpoint} failed ${failed + 1} ${failed === 0 ? 'time' : 'times'}, the last with: ${error.message}`,
          )
        pause = Math.max(backoffMs * 2 ** failed, error.pauseMs)
      } finally {
        watch.settle(tokens)
      }
      await sleep(Math.min(LONGEST_PAUSE_MS, pause), signal)
    }
  }
}

async function refusal(response: Response, hidden: (text: string) => string): Promise<Error> {
  const { status, headers } = response
  const said = hidden((await response.text().catch(() => '')).replace(/\s+/g, ' ')).slice(0, MESSAGE)
  const message = `${status} ${response.statusText}${said === '' ? '' : `: ${said}`}`
  if (status === 408 || status === 429 || status >= 500) return new Passing(message, retryAfter(headers, Date.now()))
  return new RemoteError(`${response.url} refused: ${message}`, [401, 403, 404, 405].includes(status))
}

function answerOf(body: unknown): ChatAnswer {
  const { choices, usage } = (body ?? {}) as { choices?: { message?: { content?: unknown } }[]; usage?: Record<string, unknown> }
  const text = choices?.[0]?.message?.content
  if (typeof text !== 'string') throw new Passing('an answer without `choices[0].message.content`')
  const tokens = usage?.total_tokens
  return { text, ...(typeof tokens === 'number' && Number.isFinite(tokens) && { tokens }) }
}
