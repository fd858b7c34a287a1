import { JsonNumber, JsonObject } from './text/json.js'

/** Keys that every JavaScript object puts first, in the order of their numbers. */
function isIndex(key: string): boolean {
  // Most keys end here. A vocabulary has tens of thousands, compared many times.
  const first = key.charCodeAt(0)
  return first >= 48 && first <= 57 && /^(0|[1-9]\d{0,9})$/.test(key) && Number(key) < 2 ** 32 - 1
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  const [first, second] = [isIndex(a), isIndex(b)]
  if (first && second) return Number(a) - Number(b)
  if (first !== second) return first ? -1 : 1
  return a < b ? -1 : a > b ? 1 : 0
}

function objectText(all: [string, unknown][]): string {
  const entries = all.filter(([, inner]) => inner !== undefined)
  if (entries.length > 1) entries.sort(byKey)
  let text = '{'
  for (const [key, inner] of entries) {
    const value = textOf(inner)
    if (value !== undefined) text += `${text === '{' ? '' : ','}${JSON.stringify(key)}:${value}`
  }
  return `${text}}`
}

/** Writes a value in one pass, as millions of rows are hashed by it; undefined for what JSON drops. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'bigint') return `"${value}n"`
  if (typeof value !== 'object' || value === null || value instanceof Date) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map((inner) => textOf(inner) ?? 'null').join(',')}]`
  if (value instanceof JsonNumber) return `"${value.text}n"`
  return objectText(value instanceof JsonObject ? [...value] : Object.entries(value))
}

/** Writes JSON with sorted keys, so that equal content has equal text, whoever wrote the file. */
export const canonicalJson = (value: unknown): string => textOf(value) ?? 'null'
