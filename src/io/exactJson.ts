import { isLosslessNumber, LosslessNumber, parse, stringify } from 'lossless-json'

/** A number that a JavaScript number would change. `String()` gives its digits as they were written. */
export type ExactNumber = LosslessNumber

export const isExactNumber = isLosslessNumber

export const exactNumber = (digits: string): ExactNumber => new LosslessNumber(digits)

/** Numbers that a double may change: long ones, those with a fraction or an exponent, and -0. It finds them in strings, too. */
const SUSPECTS = /[[:,]\s*(?:-0|-?\d{16,}|-?\d+[.eE])[\d.eE+-]*/g

const isExact = (digits: string): boolean => String(Number(digits)) === digits

/** Tells whether JSON.parse would change the text of a number: 64-bit integers, `1.0`, `1e3`, `-0`. */
export const roundsNumbers = (json: string): boolean => hasSuspects(json) && hasSuspects(withoutStrings(json))

function hasSuspects(json: string): boolean {
  for (const [match] of json.matchAll(SUSPECTS)) if (!isExact(match.replace(/^.\s*/, ''))) return true
  return false
}

/** Drops the strings' content. No regular expression: on a string of megabytes its stack overflows. */
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
 * Parses JSON; numbers that a double would change become `ExactNumber`. Lines without such numbers take about as long as with `JSON.parse`.
 *
 * @throws SyntaxError if it is not JSON
 */
export function parseExactly(json: string): unknown {
  if (!roundsNumbers(json)) return JSON.parse(json)
  return parse(json, null, {
    parseNumber: (digits) => (isExact(digits) ? Number(digits) : exactNumber(digits)),
    onDuplicateKey: ({ newValue }) => newValue, // as JSON.parse does
  })
}

/** Replaces what JSON cannot say: bytes become base64, invalid dates null. */
function toJsonValue(this: Readonly<Record<string, unknown>>, key: string, value: unknown): unknown {
  const raw = this[key]
  if (raw instanceof Uint8Array) return Buffer.from(raw).toString('base64')
  if (raw instanceof Date && Number.isNaN(raw.getTime())) return null
  return value
}

/**
 * Writes a value as one line of JSON. Numbers that are not finite become null, times ISO 8601, bytes base64; BigInt and `ExactNumber` keep
 * their digits.
 */
export function stringifyExactly(value: unknown): string {
  let isPlain = true
  const text = JSON.stringify(value, function (this: Readonly<Record<string, unknown>>, key, inner: unknown) {
    if (typeof inner !== 'bigint' && !isExactNumber(inner)) return toJsonValue.call(this, key, inner)
    isPlain = false
    return null
  })
  // The library is several times slower than JSON.stringify, so it only writes what needs it.
  return isPlain ? text : stringify(value, toJsonValue)!
}
