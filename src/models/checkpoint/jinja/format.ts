import { floatText, repr, str } from './text.js'
import { characters, Dict, isList, isNumber, type JinjaValue, Tuple, typeName } from './values.js'

const FIELD = /%(?:\(([^)]*)\))?([-+ #0]*)(\*|\d+)?(?:\.(\d+))?[hlL]?(.)?/gsu

/** Formats with `n` decimals; an exact half goes to the even digit, as in Python. */
export function roundedText(value: number, decimals: number): string {
  const exact = Math.abs(value).toFixed(Math.min(100, decimals + 60))
  const cut = exact.length - (exact.split('.')[1]?.length ?? 0) + decimals
  const [kept, rest] = [exact.slice(0, cut), exact.slice(cut)]
  const digits = BigInt(kept.replace('.', ''))
  const isUp = rest > `5${'0'.repeat(rest.length - 1)}` || (/^50*$/.test(rest) && digits % 2n === 1n)
  const text = String(digits + (isUp ? 1n : 0n)).padStart(decimals + 1, '0')
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  return decimals === 0 ? sign + text : `${sign}${text.slice(0, -decimals)}.${text.slice(-decimals)}`
}

function fieldText(kind: string, value: JinjaValue, precision: number | undefined): string {
  if (kind === 's' || kind === 'r') {
    const text = kind === 's' ? str(value) : repr(value)
    return precision === undefined ? text : characters(text).slice(0, precision).join('')
  }
  if (!isNumber(value)) throw new TypeError(`%${kind} format: a real number is required, not ${typeName(value)}`)
  if ('diu'.includes(kind)) return String(typeof value === 'number' ? BigInt(Math.trunc(value)) : BigInt(value))
  if ('xX'.includes(kind)) {
    if (typeof value === 'number') throw new TypeError(`%${kind} format: an integer is required, not float`)
    const text = BigInt(value).toString(16)
    return kind === 'x' ? text : text.toUpperCase()
  }
  const number = Number(value)
  if (!Number.isFinite(number)) return floatText(number)
  if (Math.abs(number) >= 1e21) throw new RangeError(`%${kind} of ${number} is not supported`)
  return roundedText(number, precision ?? 6)
}

/** `text % value`, for the conversions s, r, d, i, u, f, F, x and X. @throws Error for other conversions, by name */
export function formatted(text: string, value: JinjaValue): string {
  const values = value instanceof Tuple ? [...value.items] : [value]
  let taken = 0
  const result = text.replace(
    FIELD,
    (field, name: string | undefined, flags: string, width: string, precision: string, kind: string) => {
      if (kind === '%') return '%'
      if (!kind || !'srdiufFxX'.includes(kind) || width === '*' || /[#]/.test(flags))
        throw new Error(`the conversion \`${field}\` of a format is not supported`)
      if (name !== undefined && !(value instanceof Dict)) throw new TypeError('format requires a mapping')
      const argument = name === undefined ? values[taken++] : (value as Dict).get(name)
      if (argument === undefined) throw new TypeError(name === undefined ? 'not enough arguments for format string' : `'${name}'`)
      const plain = fieldText(kind, argument, precision === undefined ? undefined : Number(precision))
      const isNumeric = !'sr'.includes(kind)
      const sign = isNumeric && !plain.startsWith('-') ? (flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '') : ''
      const whole = sign + plain
      const missing = Number(width ?? 0) - characters(whole).length
      if (missing <= 0) return whole
      if (flags.includes('-')) return whole + ' '.repeat(missing)
      if (!flags.includes('0') || !isNumeric) return ' '.repeat(missing) + whole
      const head = /^[-+ ]?/.exec(whole)![0]
      return head + '0'.repeat(missing) + whole.slice(head.length)
    },
  )
  const isMapping = value instanceof Dict || isList(value)
  if (taken < values.length && !(isMapping && taken === 0))
    throw new TypeError('not all arguments converted during string formatting')
  return result
}
