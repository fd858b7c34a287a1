import { JsonNumber, JsonObject } from './text/json.js'

function sorted(value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`
  if (value instanceof JsonNumber) return `${value.text}n`
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  const entries = value instanceof JsonObject ? [...value] : Object.entries(value)
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, sorted(inner)]))
}

/** Writes JSON with sorted keys, so that equal content has equal text, whoever wrote the file. */
export const canonicalJson = (value: unknown): string => JSON.stringify(sorted(value))
