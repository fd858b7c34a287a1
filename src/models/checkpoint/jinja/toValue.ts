import { JsonNumber } from '../../../core/text/json.js'
import { Dict, type JinjaValue } from './values.js'

/**
 * Turns a JSON value into a template's value: whole numbers become int, unless a `JsonNumber` is written otherwise; objects and maps become
 * dictionaries.
 *
 * @throws TypeError for a value that JSON cannot hold, such as a function
 */
export function toValue(input: unknown): JinjaValue {
  if (input === null || input === undefined) return null
  if (typeof input === 'string' || typeof input === 'boolean' || typeof input === 'bigint') return input
  if (typeof input === 'number') return Number.isInteger(input) && !Object.is(input, -0) ? BigInt(input) : input
  if (input instanceof JsonNumber) return /^-?\d+$/.test(input.text) ? BigInt(input.text) : Number(input.text)
  if (Array.isArray(input)) return input.map(toValue)
  if (input instanceof Map)
    return new Dict(Array.from(input as Map<unknown, unknown>, ([key, value]) => [String(key), toValue(value)]))
  if (typeof input === 'object') return new Dict(Object.entries(input).map(([key, value]) => [key, toValue(value)]))
  throw new TypeError(`a ${typeof input} is not a JSON value`)
}
