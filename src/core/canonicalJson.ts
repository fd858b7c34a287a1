import { JsonNumber, JsonObject } from './text/json.js'

function sortKeys(value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`
  if (value instanceof JsonNumber) return `${value.text}n`
  if (Array.isArray(value)) return value.map(sortKeys)
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  const entries = value instanceof JsonObject ? [...value] : Object.entries(value)
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, sortKeys(inner)]))
}

/** Writes JSON with sorted keys, so that equal content has equal text, whoever wrote the file. */
export const canonicalJson = (value: unknown): string => JSON.stringify(sortKeys(value))
