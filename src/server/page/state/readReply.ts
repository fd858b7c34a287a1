import { createParser } from 'eventsource-parser'
import type { Chunk } from './reply.js'
import type { ReplyRequest } from './request.js'

/** The server refused a request, or ended its stream early. */
export class ServerError extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message)
  }
}

export type ReadReplyOptions = Readonly<{ key: string | undefined; signal: AbortSignal; onChunk: (chunk: Chunk) => void }>

/**
 * Asks for a reply and hands over its chunks as they come.
 *
 * @throws ServerError for an answer that is no stream, and a stream that ends before its last event
 */
export async function readReply({ path, body }: ReplyRequest, { key, signal, onChunk }: ReadReplyOptions): Promise<void> {
  const response = await fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...bearer(key) },
    body: JSON.stringify(body),
    signal,
  })
  if (!response.ok || response.body === null) throw await answerError(response)
  const events = chunkParser(onChunk)
  const decoder = new TextDecoder()
  const reader = response.body.getReader()
  for (let part = await reader.read(); !part.done; part = await reader.read())
    events.feed(decoder.decode(part.value, { stream: true }))
  if (!events.isComplete()) throw new ServerError('The connection ended before the reply did', response.status)
}

export const bearer = (key: string | undefined): Readonly<Record<string, string>> =>
  key ? { authorization: `Bearer ${key}` } : {}

/** Parses text of an event stream as it comes; `[DONE]` or an error completes it. */
export function chunkParser(
  onChunk: (chunk: Chunk) => void,
): Readonly<{ feed: (text: string) => void; isComplete: () => boolean }> {
  let complete = false
  const parser = createParser({
    onEvent: ({ data }) => {
      if (data === '[DONE]') {
        complete = true
        return
      }
      const chunk = JSON.parse(data) as Chunk
      if (chunk.error) complete = true
      onChunk(chunk)
    },
  })
  return { feed: (text) => parser.feed(text), isComplete: () => complete }
}

/** The error of an answer, in OpenAI's shape or not. */
export async function answerError(response: Response): Promise<ServerError> {
  const text = await response.text()
  try {
    const { message } = (JSON.parse(text) as { error: { message: string } }).error
    return new ServerError(message, response.status)
  } catch {
    return new ServerError(`The server answered with status ${response.status}`, response.status)
  }
}
