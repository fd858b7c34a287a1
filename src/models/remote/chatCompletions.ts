import type { TextMessage } from '../../core/text/conversation.js'
import { httpAddress } from './httpAddress.js'
import { type PostOptions, postJson, TransientError } from './postJson.js'

export type ChatOptions = Omit<PostOptions, 'breaker'> &
  Readonly<{
    /** Address of an OpenAI-compatible server, such as `http://127.0.0.1:8000/v1`. */
    url: string
    model: string
  }>

/** `tokens` is the server's `usage.total_tokens`: prompt and answer together. */
export type ChatAnswer = Readonly<{ text: string; tokens?: number }>

/** `admit` waits until a request may go out or rejects. `settle` receives the tokens it used. */
export type ChatWatch = Readonly<{ admit: () => Promise<void>; settle: (tokens?: number) => void }>

/**
 * Appends an endpoint's path to the address of an OpenAI-compatible server, unless the address already ends with it.
 *
 * @throws RemoteError like `httpAddress`
 */
export function endpointOf(url: string, path: '/chat/completions' | '/completions'): string {
  const address = httpAddress(url)
  const { pathname } = address
  address.pathname = pathname.endsWith(path) ? pathname : `${pathname.replace(/\/+$/, '')}${path}`
  return address.href
}

/**
 * A chat model behind an OpenAI-compatible endpoint: messages → answer, at temperature 0. It retries like `postJson`, and also after an answer
 * without text.
 *
 * - errors: like `postJson`
 */
export function chatCompletions({ url, model, ...options }: ChatOptions) {
  const post = postJson(endpointOf(url, '/chat/completions'), options)
  return (messages: readonly TextMessage[], { admit, settle }: ChatWatch, signal: AbortSignal): Promise<ChatAnswer> =>
    post({ model, messages, temperature: 0 }, answerOf, signal, { admit, settle: (answer) => settle(answer?.tokens) })
}

function answerOf(body: unknown): ChatAnswer {
  const { choices, usage } = (body ?? {}) as { choices?: { message?: { content?: unknown } }[]; usage?: Record<string, unknown> }
  const text = choices?.[0]?.message?.content
  if (typeof text !== 'string') throw new TransientError('an answer without `choices[0].message.content`')
  const tokens = usage?.total_tokens
  return { text, ...(typeof tokens === 'number' && Number.isFinite(tokens) && { tokens }) }
}
