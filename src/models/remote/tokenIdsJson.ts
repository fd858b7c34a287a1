import { beginsWith, type Sequence } from '../../core/sequence.js'

/** The ids of a sequence as text in the first `length` bytes of `buffer`. The rest is room for further ids. */
type Written = Pick<Sequence, 'promptTokenIds' | 'tokenIds'> & Readonly<{ buffer: Buffer; length: number }>

const EMPTY = Buffer.alloc(0)

/**
 * Writes the token ids of growing sequences as `1,2,3`, the inside of a JSON list. It keeps the text of each sequence and appends the new ids
 * only: writing all ids of 64 sequences again takes more processor time than the rest of a step. Its memory belongs to the sequence's key
 * and ends with it. Bytes that it has returned never change.
 */
export function tokenIdsJson(): (sequence: Sequence) => Buffer {
  const known = new WeakMap<object, Written>()
  return ({ key, promptTokenIds, tokenIds }) => {
    const last = known.get(key)
    const goesOn = last?.promptTokenIds === promptTokenIds && beginsWith(tokenIds, last.tokenIds)
    const more = goesOn ? tokenIds.slice(last.tokenIds.length) : [...promptTokenIds, ...tokenIds]
    if (goesOn && more.length === 0) return last.buffer.subarray(0, last.length)
    const { buffer, length } = goesOn ? last : { buffer: EMPTY, length: 0 }
    const text = length > 0 ? `,${more.join()}` : more.join()
    const end = length + text.length
    const target = end <= buffer.length ? buffer : larger(buffer, length, 2 * end)
    target.write(text, length, 'latin1')
    known.set(key, { promptTokenIds, tokenIds, buffer: target, length: end })
    return target.subarray(0, end)
  }
}

function larger(buffer: Buffer, length: number, size: number): Buffer {
  const target = Buffer.allocUnsafe(size)
  buffer.copy(target, 0, 0, length)
  return target
}
