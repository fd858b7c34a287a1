import * as z from 'zod'
import type { TextCodec } from '../model.js'

/** Words as texts or as token ids. */
export type Words = readonly (string | readonly number[])[]

/** Options of operators that take words. */
export const wordOptions = {
  words: z
    .array(z.union([z.string().min(1), z.array(z.int().min(0)).min(1).readonly()]))
    .min(1)
    .readonly()
    .describe('a non-empty list of texts or of lists of token ids'),
  codec: z
    .custom<TextCodec>((value) => typeof value === 'object' && value !== null && 'encode' in value)
    .describe('the codec of the language model'),
}

/** Token ids of a word as it is and, last, with a space before it. A word given as ids stays as it is. */
export function writings(word: string | readonly number[], codec: TextCodec): readonly (readonly number[])[] {
  if (typeof word !== 'string') return [word]
  return [codec.encode(word, false), codec.encode(` ${word}`, false)].filter((ids) => ids.length > 0)
}

/** Whether `tokenIds` end with the first `count` of `ids`. */
export function endsWith(tokenIds: readonly number[], ids: readonly number[], count: number): boolean {
  const start = tokenIds.length - count
  return start >= 0 && ids.slice(0, count).every((id, index) => tokenIds[start + index] === id)
}

/** Whether `tokenIds` contain `ids` as a run. */
export const stands = (tokenIds: readonly number[], ids: readonly number[]): boolean =>
  tokenIds.some((_, start) => ids.every((id, index) => tokenIds[start + index] === id))
