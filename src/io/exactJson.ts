import { isLosslessNumber, LosslessNumber, parse, stringify } from 'lossless-json'

/** A number as it was written, where a JavaScript number would come back as other text: `String()` gives its digits. */
export type ExactNumber = LosslessNumber

export const isExactNumber = isLosslessNumber

export const exactNumber = (digits: string): ExactNumber => new LosslessNumber(digits)

/** Numbers that a double may change: long ones, those with a fraction or an exponent, and -0. It finds them in strings, too. */
const SUSPECTS = /[[:,]\s*(?:-0|-?\d{16,}|-?\d+[.eE])[\d.eE+-]*/g

const isExact = (digits: string): boolean => String(Number(digits)) === digits

/** Whether JSON holds numbers that come back as other text: of 64 bits, or such as `1.0`, `1e3` and `-0`. */
export const roundsNumbers = (json: string): boolean => hasSuspects(json) && hasSuspects(withoutStrings(json))

function hasSuspects(json: string): boolean {
  for (const [match] of json.matchAll(SUSPECTS)) if (!isExact(match.replace(/^.\s*/, ''))) return true
  return false
}

/** What stands between the strings. A regular expression would need memory by the length of a string, and megabytes are too many. */
function withoutStrings(json: string): string {
  const between: string[] = []
  let from = 0
  for (let open = json.indexOf('"'); open !== -1; open = json.indexOf('"', from)) {
    between.push(json.slice(from, open))
    let close = json.indexOf('"', open + 1)
    while (isEscaped(json, close)) close = json.indexOf('"', close + 1)
    if (close === -1) return between.join('""')
    from = close + 1
  }
  return [...between, json.slice(from)].join('""')
}

function isEscaped(json: string, at: number): boolean {
  let before = at
  while (json[before - 1] === '\\') before--
  return (at - before) % 2 === 1
}

/**
 * JSON as a value whose numbers keep the text that they had. Most lines have no other numbers, and take no longer than `JSON.parse`.
 *
 * @throws SyntaxError for what is no JSON
 */
export function parseExactly(json: string): unknown {
  if (!roundsNumbers(json)) return JSON.parse(json)
  return parse(json, null, {
    parseNumber: (digits) => (isExact(digits) ? Number(digits) : exactNumber(digits)),
    onDuplicateKey: ({ newValue }) => newValue, // as JSON.parse does
  })
}

/** What JSON has no word for: bytes become base64, times that are none null. */
function toJsonValue(this: Readonly<Record<string, unknown>>, key: string, value: unknown): unknown {
  const raw = this[key]
  if (raw instanceof Uint8Array) return Buffer.from(raw).toString('base64')
  if (raw instanceof Date && Number.isNaN(raw.getTime())) return null
  return value
}

/**
 * A value as one line of JSON. Numbers that are not finite become null, times ISO 8601, bytes base64; integers of any size and numbers that were
 * read exactly keep their digits.
 */
export function stringifyExactly(value: unknown): string {
  let isPlain = true
  const text = JSON.stringify(value, function (this: Readonly<Record<string, unknown>>, key, inner: unknown) {
    if (typeof inner !== 'bigint' && !isExactNumber(inner)) return toJsonValue.call(this, key, inner)
    isPlain = false
    return null
  })
  // A writer in JavaScript is several times slower: only for what needs it.
  return isPlain ? text : stringify(value, toJsonValue)!
}
