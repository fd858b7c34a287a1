import * as z from 'zod'
import type { TextCodec } from '../../src/core/model.js'
import { parseOptions } from '../../src/core/parseOptions.js'
import type { Sequence } from '../../src/core/sequence.js'
import { textAfter, wholeText } from '../../src/core/text/decodedText.js'
import { growingText } from './growingText.js'

/** Why a sequence is finished, its completion, and how many of its tokens the reward covers. */
export type Finish = Readonly<{ reason: 'stop' | 'length'; completion: string; valuedTokens: number }>

const finishOptions = z.strictObject({
  codec: z.custom<TextCodec>((value) => typeof value === 'object' && value !== null && 'decode' in value).describe('a codec'),
  endTokenIds: z.array(z.number()).readonly().describe('a list of token ids'),
  stop: z.array(z.string()).readonly().describe('a list of texts'),
  maxNewTokens: z.int().min(1).describe('an integer >= 1'),
  // A server may have no limit, and zod's own numbers are finite.
  contextLength: z.custom<number>((value) => typeof value === 'number' && value >= 1).describe('a number >= 1'),
})

export type FinishOptions = Readonly<{
  /** Codec of the language model. */
  codec: TextCodec
  /** Token ids that end a reply. */
  endTokenIds: readonly number[]
  /** Texts that end a reply. */
  stop: readonly string[]
  /** Most tokens of a reply. */
  maxNewTokens: number
  /** Most tokens of prompt and reply together. */
  contextLength: number
}>

/** Splits stop strings into texts and special tokens. Text does not show special tokens, so these end a reply like end tokens. */
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

/**
 * Tells whether a sequence is finished after its newest token: by an end token, a stop string, the limit of new tokens, or the context.
 *
 * - The completion excludes an end token; the reward includes it.
 * - A stop string may span tokens or begin inside one. The completion ends before it. The reward covers the longest run of tokens whose
 *   text does not reach into it. The search skips special tokens.
 *
 * @throws OptionError for an invalid option
 */
export function finish(options: FinishOptions) {
  const { codec, endTokenIds, stop, maxNewTokens, contextLength } = parseOptions(finishOptions, options, 'finish')
  const ends = new Set(endTokenIds)
  const searched = stopSearch(codec, stop)

  return (sequence: Sequence): Finish | undefined => {
    const { promptTokenIds, tokenIds } = sequence
    const text = (count: number): string => textAfter(codec, promptTokenIds, tokenIds.slice(0, count))
    const all = tokenIds.length
    if (ends.has(tokenIds[all - 1]!)) return { reason: 'stop', completion: text(all - 1), valuedTokens: all }

    const found = stop.length === 0 ? undefined : searched(sequence)
    if (found) {
      const valuedTokens = tokensBefore(found.at, all, text)
      return { reason: 'stop', completion: found.text.slice(0, found.at), valuedTokens }
    }
    if (all >= maxNewTokens || promptTokenIds.length + all >= contextLength)
      return { reason: 'length', completion: text(all), valuedTokens: all }
    return undefined
  }
}

/**
 * Searches a growing sequence for stop strings, but only in the text that the last token can change. Searching and decoding everything
 * at each step would take quadratic time.
 */
function stopSearch(codec: TextCodec, stop: readonly string[]) {
  const longest = Math.max(0, ...stop.map(({ length }) => length))
  const textOf = growingText(codec)
  return (sequence: Sequence): Readonly<{ text: string; at: number }> | undefined => {
    const { now, before } = textOf(sequence)
    const text = wholeText(codec, now)
    const at = firstOf(stop, text, Math.max(0, before.text.length - longest + 1))
    return at === -1 ? undefined : { text, at }
  }
}

const firstOf = (stop: readonly string[], text: string, from: number): number => {
  const found = stop.map((string) => text.indexOf(string, from)).filter((at) => at !== -1)
  return found.length === 0 ? -1 : Math.min(...found)
}

function tokensBefore(at: number, all: number, text: (count: number) => string): number {
  let count = all - 1
  while (count > 0 && text(count).length > at) count--
  return count
}
