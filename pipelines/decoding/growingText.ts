import type { TextCodec } from '../../src/core/model.js'
import { beginsWith, type Sequence } from '../../src/core/sequence.js'
import { type DecodedText, decodedText, withToken } from '../../src/core/text/decodedText.js'

/** Text of a sequence's decoded tokens, now and before the newest ones. */
export type GrownText = Readonly<{ now: DecodedText; before: DecodedText }>

type Known = GrownText & Readonly<{ tokenIds: readonly number[] }>

/**
 * Returns the text of growing sequences and decodes only new tokens. Its memory belongs to the sequence's key and ends with it. If a
 * sequence does not continue the one before, it is decoded from the start.
 */
export function growingText(codec: TextCodec): (sequence: Sequence) => GrownText {
  const known = new WeakMap<object, Known>()
  return ({ key, promptTokenIds, tokenIds }) => {
    const last = known.get(key)
    const goesOn = last !== undefined && beginsWith(tokenIds, last.tokenIds)
    if (goesOn && last.tokenIds.length === tokenIds.length) return last
    const before = goesOn ? last.now : decodedText(codec, promptTokenIds)
    const more = goesOn ? tokenIds.slice(last.tokenIds.length) : tokenIds
    const grown = { now: more.reduce((text, id) => withToken(codec, text, id), before), before, tokenIds }
    known.set(key, grown)
    return grown
  }
}
