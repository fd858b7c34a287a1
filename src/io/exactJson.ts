import { closingQuote } from '../core/text/duplicateKey.js'
import { type Json, JsonNumber, JsonObject } from '../core/text/json.js'

/** Numbers that a double may change: long ones, those with a fraction or an exponent, and -0. It finds them in strings, too. */
const SUSPECTS = /[[:,]\s*(-0|-?\d{16,}|-?\d+[.eE])([\d.eE+-]*)/g

/** Keys that a plain object puts first. It finds them in strings, too. */
const INDEX_KEY = /"\d+"\s*:/

/** Whether JavaScript has the same number and writes the same text. An integer with an exponent (`1e+21`) is a float elsewhere. */
function isExact(text: string): boolean {
  const number = Number(text)
  return String(number) === text && (Number.isSafeInteger(number) || !Number.isInteger(number))
}

/** Whether `JSON.parse` would change the text of a number or the order of keys. */
const isSpecial = (json: string): boolean =>
  hasSuspects(json) ? hasSuspects(withoutStrings(json)) || INDEX_KEY.test(json) : INDEX_KEY.test(json)

function hasSuspects(json: string): boolean {
  for (const [, start, rest] of json.matchAll(SUSPECTS)) if (!isExact(`${start}${rest}`)) return true
  return false
}

/** Drops the strings' content. No regular expression: on a string of megabytes its stack overflows. */
function withoutStrings(json: string): string {
  const between: string[] = []
  let from = 0
  for (let open = json.indexOf('"'); open !== -1; open = json.indexOf('"', from)) {
    between.push(json.slice(from, open))
    const close = closingQuote(json, open)
    if (close === -1) return between.join('""')
    from = close + 1
  }
  return [...between, json.slice(from)].join('""')
}

/**
 * Parses JSON without a loss. Where `JSON.parse` loses nothing, the result is `JSON.parse`'s own; else numbers that a double would change
 * are `JsonNumber`, and objects are `JsonObject`. The last of equal keys counts, as in Python.
 *
 * @throws SyntaxError if it is not JSON
 */
export function parseExactly(json: string): unknown {
  const value: unknown = JSON.parse(json)
  return isSpecial(json) ? exactValue(json) : value
}

const WORD = /[^\s,:{}[\]"]+/y
const BETWEEN = /[\s,:]*/y

/** Reads text that `JSON.parse` has accepted, so that it need not check the grammar. */
function exactValue(json: string): Json {
  let at = 0
  /** Moves past white space, commas and colons. */
  const peek = (): string | undefined => {
    BETWEEN.lastIndex = at
    BETWEEN.exec(json)
    at = BETWEEN.lastIndex
    return json[at]
  }
  const string = (): string => {
    const start = at
    at = closingQuote(json, start) + 1
    return JSON.parse(json.slice(start, at)) as string
  }
  const word = (): Json => {
    WORD.lastIndex = at
    const [text = ''] = WORD.exec(json) ?? []
    at = WORD.lastIndex
    if (text === 'true' || text === 'false') return text === 'true'
    if (text === 'null') return null
    return isExact(text) ? Number(text) : new JsonNumber(text)
  }
  const value = (): Json => {
    const start = peek()
    if (start === '"') return string()
    if (start !== '[' && start !== '{') return word()
    at++
    if (start === '[') {
      const items: Json[] = []
      while (peek() !== ']') items.push(value())
      at++
      return items
    }
    const object = new JsonObject()
    while (peek() !== '}') object.set(string(), value())
    at++
    return object
  }
  return value()
}

/**
 * Writes a value as one line of JSON. Numbers that are not finite become null, times ISO 8601, bytes base64; BigInt and `JsonNumber` keep
 * their digits, `JsonObject` the order of its keys.
 */
export function stringifyExactly(value: unknown): string {
  let isPlain = true
  const text = JSON.stringify(value, function (this: Readonly<Record<string, unknown>>, key, inner: unknown) {
    // JSON.stringify calls toJSON first.
    const raw = this[key]
    if (typeof raw === 'bigint' || raw instanceof JsonNumber || raw instanceof JsonObject) {
      isPlain = false
      return null
    }
    if (raw instanceof Uint8Array) return Buffer.from(raw).toString('base64')
    return raw instanceof Date && Number.isNaN(raw.getTime()) ? null : inner
  })
  // JSON.stringify is several times faster, so that only what it cannot write comes here.
  return isPlain ? text : exactText(value)
}

function exactText(value: unknown): string {
  if (typeof value === 'bigint' || value instanceof JsonNumber) return String(value)
  if (Array.isArray(value)) return `[${value.map(exactText).join(',')}]`
  if (value instanceof JsonObject) return objectText([...value])
  const isObject = typeof value === 'object' && value !== null && !(value instanceof Uint8Array) && !(value instanceof Date)
  if (isObject) return objectText(Object.entries(value))
  return stringifyExactly(value) ?? 'null'
}

const objectText = (entries: readonly (readonly [string, unknown])[]): string =>
  `{${entries
    .filter(([, inner]) => inner !== undefined)
    .map(([key, inner]) => `${JSON.stringify(key)}:${exactText(inner)}`)
    .join(',')}}`
