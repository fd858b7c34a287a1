import type { JsonSchema } from '../../core/model.js'

/** Most digits of an integer if a schema gives no bound. */
const DIGITS = 15
const LARGEST = 10 ** DIGITS - 1
/** Most values of a list. */
const LISTED = 1000

type Bounds = Partial<Record<'minimum' | 'maximum' | 'exclusiveMinimum' | 'exclusiveMaximum', number>>

/**
 * Writes integers within bounds in a form that XGrammar handles correctly: ranges of all integers with the same number of digits, and lists of
 * the others. XGrammar's own range 7 … 123 includes 129, and its list -3 … -20 includes -29. Undefined if there is no such integer, the list
 * would have more than 1,000 values, or it would be next to negative integers.
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
