import type { TextCodec } from '../../src/core/model.js'
import type { Sequence } from '../../src/core/sequence.js'
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
 * string; together they are the row's completion, without the text of tokens that the reply begins with.
 */
export function replyText(
  codec: TextCodec,
  { promptTokenIds, tokenIds: begun = [] }: Pick<Sequence, 'promptTokenIds'> & Partial<Pick<Sequence, 'tokenIds'>>,
  stop: readonly string[],
) {
  let decoded = begun.reduce((text, id) => withToken(codec, text, id), decodedText(codec, promptTokenIds))
  let sent = decoded.text.length
  return ({ tokenId, finish }: Pick<DecodedStep, 'tokenId' | 'finish'>): string => {
    decoded = withToken(codec, decoded, tokenId)
    const text = finish ? finish.completion : decoded.text.slice(0, decoded.text.length - begunStop(decoded.text, stop))
    const piece = text.slice(sent)
    sent = Math.max(sent, text.length)
    return piece
  }
}
