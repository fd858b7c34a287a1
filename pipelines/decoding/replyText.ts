import type { TextCodec } from '../../src/core/model.js'
import { decodedText, withToken } from '../../src/core/text/decodedText.js'
import type { DecodedStep } from './decode.js'

/** Length of the longest suffix of the text that a stop string starts with. */
function begunStop(text: string, stop: readonly string[]): number {
  const longest = Math.max(0, ...stop.map(({ length }) => length - 1))
  for (let length = Math.min(longest, text.length); length > 0; length--) {
    const end = text.slice(-length)
    if (stop.some((string) => string.startsWith(end))) return length
  }
  return 0
}

/**
 * Streams the text of a reply: each step returns the text that is final by then. Pieces hold whole characters and no part of a stop
 * string; together they are the row's completion.
 */
export function replyText(codec: TextCodec, promptTokenIds: readonly number[], stop: readonly string[]) {
  let decoded = decodedText(codec, promptTokenIds)
  let sent = 0
  return ({ tokenId, finish }: Pick<DecodedStep, 'tokenId' | 'finish'>): string => {
    decoded = withToken(codec, decoded, tokenId)
    const text = finish ? finish.completion : decoded.text.slice(0, decoded.text.length - begunStop(decoded.text, stop))
    const piece = text.slice(sent)
    sent = Math.max(sent, text.length)
    return piece
  }
}
