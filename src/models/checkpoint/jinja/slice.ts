import type { JinjaValue } from './values.js'

const bound = (value: JinjaValue): number | undefined =>
  value === null ? undefined : typeof value === 'bigint' || typeof value === 'boolean' ? Number(value) : Number.NaN

/** `items[start:end:step]`; undefined if Python raises a TypeError. @throws RangeError for a step of zero */
export function sliced<T>(items: readonly T[], parts: readonly [JinjaValue, JinjaValue, JinjaValue]): T[] | undefined {
  const [start, end, step = 1] = parts.map(bound)
  if ([start, end, step].some(Number.isNaN)) return undefined
  if (step === 0) throw new RangeError('slice step cannot be zero')
  const { length } = items
  const isForward = step > 0
  const [least, most] = isForward ? [0, length] : [-1, length - 1]
  const placed = (value: number) => Math.min(most, Math.max(least, value < 0 ? value + length : value))
  const from = start === undefined ? (isForward ? 0 : length - 1) : placed(start)
  const to = end === undefined ? (isForward ? length : -1) : placed(end)
  const found: T[] = []
  for (let at = from; isForward ? at < to : at > to; at += step) found.push(items[at]!)
  return found
}
