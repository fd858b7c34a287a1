import type { TextCodec } from '../../src/core/model.js'
import type { Sequence } from '../../src/core/sequence.js'
import { type DecodedText, decodedText, withToken } from '../../src/core/text/decodedText.js'

/** The text of a sequence's decoded tokens, and the same before its last one (or before all that were not known). */
export type GrownText = Readonly<{ now: DecodedText; before: DecodedText }>

type Known = GrownText & Readonly<{ tokenIds: readonly number[] }>

const begins = (start: readonly number[], tokenIds: readonly number[]): boolean =>
  start.length <= tokenIds.length && start.every((id, index) => id === tokenIds[index])

/**
 * Follows sequences as they grow: their text, for which only new tokens are decoded. What it knows hangs on the sequence's key and
 * goes with it; a sequence that is not the one before with more tokens is decoded anew.
 */
export function growingText(codec: TextCodec): (sequence: Sequence) => GrownText {
  const known = new WeakMap<object, Known>()
  return ({ key, promptTokenIds, tokenIds }) => {
    const last = known.get(key)
    const goesOn = last !== undefined && begins(last.tokenIds, tokenIds)
    if (goesOn && last.tokenIds.length === tokenIds.length) return last
    const before = goesOn ? last.now : decodedText(codec, promptTokenIds)
    const more = goesOn ? tokenIds.slice(last.tokenIds.length) : tokenIds
    const grown = { now: more.reduce((text, id) => withToken(codec, text, id), before), before, tokenIds }
    known.set(key, grown)
    return grown
  }
}
