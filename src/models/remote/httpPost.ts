import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { urlToHttpOptions } from 'node:url'
import { messageOf, RemoteError } from '../../core/errors.js'

export type HttpPostOptions = Readonly<{
  headers: Readonly<Record<string, string>>
  /** Time limit for the whole answer. */
  timeoutMs: number
}>

/** An answer with any status. `retryAfter` is its `Retry-After` header. */
export type HttpAnswer = Readonly<{ status: number; statusText: string; retryAfter: string | undefined; text: string }>

/** How long an unused connection stays open. uvicorn, the server below vLLM, closes its own after 5 s. */
const IDLE_MS = 4000

/**
 * Posts to one address over connections that stay open. Each step of decoding waits for such a request, and `fetch` takes several times the
 * processor time of `node:http`. Redirects are not followed.
 *
 * - errors: those of the connection; an `Error` after `timeoutMs`; `RemoteError` for a compressed answer; the signal's reason
 */
export function httpPost(
  endpoint: string,
  { headers: given, timeoutMs }: HttpPostOptions,
): (body: Buffer, signal: AbortSignal) => Promise<HttpAnswer> {
  const address = new URL(endpoint)
  const [Agent, request] = address.protocol === 'https:' ? [HttpsAgent, httpsRequest] : [HttpAgent, httpRequest]
  // A free connection does not keep the process alive.
  const agent = new Agent({ keepAlive: true, timeout: IDLE_MS })
  // Compression would cost both sides more time than it saves.
  const headers = { ...given, 'accept-encoding': 'identity' }
  const options: RequestOptions = { ...urlToHttpOptions(address), method: 'POST', agent }

  return (body, signal) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      let isAnswered = false
      const sent = request({ ...options, headers: { ...headers, 'content-length': body.length } }, (answer) => {
        isAnswered = true
        const encoding = answer.headers['content-encoding'] ?? 'identity'
        if (encoding !== 'identity')
          return stop(new RemoteError(`Expected an answer without compression, got \`content-encoding: ${encoding}\``))
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('end', () => {
          leave()
          resolve(answerOf(answer, chunks))
        })
        answer.on('error', () => stop(new Error('the connection closed before the end of the answer')))
      })
      const leave = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', cancel)
      }
      const stop = (reason: unknown): void => {
        leave()
        reject(reason)
        sent.destroy()
      }
      const cancel = (): void => stop(signal.reason)
      const timer = setTimeout(() => stop(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
      signal.addEventListener('abort', cancel, { once: true })
      // Once the answer has begun, its own events tell how it ends.
      sent.on('error', (error) => isAnswered || stop(new Error(reasonOf(error), { cause: error })))
      sent.end(body)
    })
}

const answerOf = ({ statusCode = 0, statusMessage = '', headers }: IncomingMessage, chunks: readonly Buffer[]): HttpAnswer => ({
  status: statusCode,
  statusText: statusMessage,
  retryAfter: headers['retry-after'],
  text: (chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString(),
})

/** A name with several addresses fails with one error for each, and without a message of its own. */
const reasonOf = (error: Error): string =>
  error instanceof AggregateError ? error.errors.map(messageOf).join(', ') : messageOf(error)
