import type { JsonSchema } from '../../core/model.js'

/** Integers have at most so many digits where a schema gives no bound. */
const DIGITS = 15
const LARGEST = 10 ** DIGITS - 1
/** More values than this are no list any more. */
const LISTED = 1000

type Bounds = Partial<Record<'minimum' | 'maximum' | 'exclusiveMinimum' | 'exclusiveMaximum', number>>

/**
 * Integers within bounds as XGrammar gets them right: ranges of all integers with the same number of digits, and lists of the others.
 * Its own ranges let `7 … 123` include 129, and its lists of -3 … -20 include -29. Undefined where there is no such integer, where the list
 * would have over 1,000 values, and where it would stand beside negative integers.
 */
export function integerRange(bounds: Bounds): JsonSchema | undefined {
  const least = Math.max(bounds.minimum ?? -LARGEST, (bounds.exclusiveMinimum ?? -Infinity) + 1, -LARGEST)
  const most = Math.min(bounds.maximum ?? LARGEST, (bounds.exclusiveMaximum ?? Infinity) - 1, LARGEST)
  const listed: number[] = []
  const ranges: JsonSchema[] = []
  for (const [from, to] of sameDigits()) {
    const [first, last] = [Math.max(from, least), Math.min(to, most)]
    if (first > last) continue
    if (from === first && to === last && from !== to) ranges.push({ type: 'integer', minimum: from, maximum: to })
    else if (first < 0 || last - first + listed.length >= LISTED) return undefined
    else for (let value = first; value <= last; value++) listed.push(value)
  }
  if (least < 0 && listed.some((value) => value > 0)) return undefined
  const all = listed.length > 0 ? [...ranges, { enum: listed }] : ranges
  return all.length > 0 ? { anyOf: all } : undefined
}

function* sameDigits(): Generator<readonly [number, number]> {
  yield [0, 0]
  for (let digits = 1; digits <= DIGITS; digits++) {
    const [from, to] = [10 ** (digits - 1), 10 ** digits - 1]
    yield [from, to]
    yield [-to, -from]
  }
}
