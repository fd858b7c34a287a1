function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]))
}

/** JSON with keys in one fixed order, so that equal content has equal text whoever wrote the file. */
export const canonicalJson = (value: unknown): string => JSON.stringify(sorted(value))
