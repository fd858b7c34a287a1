import {
  Dict,
  type Func,
  isList,
  type JinjaValue,
  Loop,
  Markup,
  Namespace,
  Range,
  Stream,
  Tuple,
  Undefined,
  View,
} from './values.js'

/** Python's white space in `str.strip()` and `\s`: with U+001C to U+001F and U+0085, without U+FEFF. */
export const SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000'

/** A float as Python writes it. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf'
  const [mantissa = '', exponentText = '0'] = value.toExponential().split('e')
  const exponent = Number(exponentText)
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  const digits = mantissa.replace(/[-.]/g, '')
  if (exponent < -4 || exponent >= 16) {
    const power = String(Math.abs(exponent)).padStart(2, '0')
    return `${sign}${digits[0]}${digits.length > 1 ? `.${digits.slice(1)}` : ''}e${exponent < 0 ? '-' : '+'}${power}`
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0')
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`
}

const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' }

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`
}

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  const inner = text.replace(/[\\\p{C}\p{Z}'"]/gu, (character) => {
    if (character === ' ') return character
    if (character === "'" || character === '"') return character === quote ? `\\${character}` : character
    return NAMED[character] ?? escaped(character)
  })
  return quote + inner + quote
}

const listed = (items: Iterable<JinjaValue>): string => Array.from(items, repr).join(', ')

/** `repr(value)`. @throws Error for values that Python writes with a memory address */
export function repr(value: JinjaValue): string {
  if (value === null) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return floatText(value)
  if (typeof value === 'string') return quoted(value)
  if (isList(value)) return `[${listed(value)}]`
  if (value instanceof Undefined) return 'Undefined'
  if (value instanceof Markup) return `Markup(${quoted(value.text)})`
  if (value instanceof Tuple) return `(${listed(value.items)}${value.items.length === 1 ? ',' : ''})`
  if (value instanceof Dict) return `{${value.entries.map(([key, inner]) => `${repr(key)}: ${repr(inner)}`).join(', ')}}`
  if (value instanceof Range) return value.text
  if (value instanceof View) return `dict_${value.kind}([${listed(value.items)}])`
  if (value instanceof Namespace) return `<Namespace ${repr(new Dict(value.values))}>`
  if (value instanceof Loop) return `<LoopContext ${String(value.fields.get('index'))}/${String(value.fields.get('length'))}>`
  if (value instanceof Stream) throw new Error('a generator has no text: add `|list` or `|join`')
  throw new Error(`the function ${(value as Func).name} has no text: call it`)
}

/** `str(value)`, as `{{ value }}` writes it. */
export function str(value: JinjaValue): string {
  if (typeof value === 'string') return value
  if (value instanceof Markup) return value.text
  return value instanceof Undefined ? '' : repr(value)
}

/** Removes characters from the ends of a text; white space if `chars` is null. */
export function strip(text: string, chars: string | null, ends: 'left' | 'right' | 'both'): string {
  if (chars === '') return text
  const all = chars === null ? SPACE : chars.replace(/[\\\]^-]/g, '\\$&')
  const patterns = [ends === 'right' ? [] : `^[${all}]+`, ends === 'left' ? [] : `[${all}]+$`].flat()
  return text.replace(new RegExp(patterns.join('|'), 'gu'), '')
}
