import type { Sequence, TextCodec } from '../src/core/types.js'
import { completionText } from './completionText.js'

/** Why a sequence is finished, what its completion is, and how many of its tokens the reward is the value of. */
export type Finish = Readonly<{ reason: 'stop' | 'length'; completion: string; valuedTokens: number }>

export type FinishOptions = Readonly<{
  codec: TextCodec
  endTokenIds: readonly number[]
  stop: readonly string[]
  maxNewTokens: number
  /** Tokens of prompt and completion together. */
  contextLength: number
}>

/** Stop strings that are text, and those that are one special token, which text does not show: they end a reply as end tokens do. */
export function stopsOf(stop: readonly string[], codec: TextCodec): Readonly<{ texts: string[]; tokenIds: number[] }> {
  const texts: string[] = []
  const tokenIds: number[] = []
  for (const string of stop) {
    const ids = codec.encode(string, false)
    if (ids.length === 1 && codec.decode(ids, true) === '') tokenIds.push(ids[0]!)
    else texts.push(string)
  }
  return { texts, tokenIds }
}

/** More than the characters a token may still be missing (incomplete bytes show as up to three U+FFFD). */
const SLACK = 4

/**
 * Says of a sequence that has grown by one token whether it is finished: by an end token, a stop string, the number of new
 * tokens, or the context.
 *
 * - An end token ends the reply: the completion is without it, the reward is of the sequence with it.
 * - A stop string may span tokens or begin inside one. The completion ends before it; the reward is of the longest run of tokens
 *   whose text does not reach into it. It is looked for in the text without special tokens.
 */
export function finish({ codec, endTokenIds, stop, maxNewTokens, contextLength }: FinishOptions) {
  const ends = new Set(endTokenIds)
  const longestStop = Math.max(0, ...stop.map((text) => text.length))

  return ({ promptTokenIds, tokenIds }: Sequence): Finish | undefined => {
    const text = (count: number): string => completionText(codec, promptTokenIds, tokenIds.slice(0, count))
    const all = tokenIds.length
    if (ends.has(tokenIds[all - 1]!)) return { reason: 'stop', completion: text(all - 1), valuedTokens: all }

    if (firstOf(stop, longestStop === 0 ? '' : newText(codec, promptTokenIds, tokenIds, longestStop)) !== -1) {
      const whole = text(all)
      const at = firstOf(stop, whole)
      if (at !== -1) return { reason: 'stop', completion: whole.slice(0, at), valuedTokens: tokensBefore(at, all, text) }
    }
    if (all >= maxNewTokens || promptTokenIds.length + all >= contextLength)
      return { reason: 'length', completion: text(all), valuedTokens: all }
    return undefined
  }
}

/**
 * The end of the text, with at least `length` characters from before the last token: what was there before has been searched
 * already, and decoding everything at each step would cost the square of the length.
 */
function newText(codec: TextCodec, promptTokenIds: readonly number[], tokenIds: readonly number[], length: number): string {
  const last = codec.decode(tokenIds.slice(-1), true).length
  for (let window = length + SLACK; window < tokenIds.length; window *= 2) {
    const tail = codec.decode(tokenIds.slice(-window), true)
    if (tail.length - last >= length + SLACK) return tail
  }
  return completionText(codec, promptTokenIds, tokenIds)
}

const firstOf = (stop: readonly string[], text: string): number => {
  const found = stop.map((string) => text.indexOf(string)).filter((at) => at !== -1)
  return found.length === 0 ? -1 : Math.min(...found)
}

function tokensBefore(at: number, all: number, text: (count: number) => string): number {
  let count = all - 1
  while (count > 0 && text(count).length > at) count--
  return count
}
