import { bind, type Filter, flagArgument, integerArgument, textArgument } from '../arguments.js'
import { formatted, roundedText } from '../format.js'
import { str, strip } from '../text.js'
import { toJson } from '../toJson.js'
import {
  characters,
  Dict,
  defined,
  isNumber,
  itemCount,
  type JinjaValue,
  type Kwargs,
  Markup,
  Tuple,
  typeName,
} from '../values.js'
import { capitalized, lines, placed, replaced } from './stringMethods.js'

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', "'": '&#39;', '"': '&#34;' }
const escaped = (value: JinjaValue): Markup =>
  value instanceof Markup ? value : new Markup(str(value).replace(/[&<>'"]/g, (sign) => ESCAPES[sign]!))

const plain =
  (name: string, make: (text: string) => JinjaValue): Filter =>
  (value, args, kwargs) => {
    bind(name, [], args, kwargs)
    return make(unmarked(name, value))
  }

/** A value as text. @throws Error for marked text, because most filters would have to return marked text */
function unmarked(name: string, value: JinjaValue): string {
  if (value instanceof Markup) throw new Error(`the filter ${name} on text from the filter safe or escape is not supported`)
  return str(value)
}

/** Jinja's `title`, in which words begin after white space, hyphens and opening brackets. */
const titled = (text: string): string =>
  text
    .split(/([-\s({[<]+)/u)
    .map((part) => characters(part))
    .map(([first = '', ...rest]) => first.toUpperCase() + rest.join('').toLowerCase())
    .join('')

const INTEGER = /^[-+]?\d+(?:_\d+)*$/
const FLOAT = /^[-+]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:[eE][-+]?\d+)?$|^[-+]?(?:inf|infinity|nan)$/i

/** `float(value)`; undefined if Python raises an error. */
function floatOf(value: JinjaValue): number | undefined {
  if (isNumber(value)) return Number(value)
  if (typeof value !== 'string') return undefined
  const text = strip(value, null, 'both')
  if (!FLOAT.test(text)) return undefined
  if (/nan$/i.test(text)) return Number.NaN
  if (/inf/i.test(text)) return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  return Number(text.replaceAll('_', ''))
}

function integerOf(value: JinjaValue, base: bigint): bigint | undefined {
  if (base !== 10n) throw new Error('the filter int supports only base 10')
  const text = typeof value === 'string' ? strip(value, null, 'both') : ''
  if (INTEGER.test(text)) return BigInt(text.replace(/^\+|_/g, ''))
  if (typeof value === 'bigint' || typeof value === 'boolean') return BigInt(value)
  const float = floatOf(value)
  return float === undefined || !Number.isFinite(float) ? undefined : BigInt(Math.trunc(float))
}

function rounded(value: JinjaValue, decimals: number, method: string): JinjaValue {
  if (!isNumber(value)) throw new TypeError(`type ${typeName(value)} doesn't define __round__ method`)
  if (!['common', 'ceil', 'floor'].includes(method)) throw new TypeError('method must be common, ceil or floor')
  const number = Number(value)
  if (method !== 'common') {
    const scale = 10 ** decimals
    return (method === 'ceil' ? Math.ceil(number * scale) : Math.floor(number * scale)) / scale
  }
  if (typeof value !== 'number' && decimals >= 0) return BigInt(value)
  if (decimals < 0) throw new Error('the filter round does not support a negative precision')
  return Math.abs(number) >= 1e21 ? number : Number(roundedText(number, decimals))
}

function indented(value: JinjaValue, args: readonly JinjaValue[], kwargs: Kwargs): string {
  const [width = 4n, first, blank] = bind('indent', ['width', 'first', 'blank'], args, kwargs)
  const indent = typeof width === 'string' ? width : ' '.repeat(integerArgument('indent', width, 4))
  if (typeof defined(value) !== 'string' && !(value instanceof Markup))
    throw new TypeError(`the filter indent needs text, got ${typeName(value)}`)
  const all = lines(`${unmarked('indent', value)}\n`)
  const made = all.map((line, index) => (index === 0 || (line === '' && !flagArgument(blank)) ? line : indent + line))
  return (flagArgument(first) ? indent : '') + made.join('\n')
}

function truncated(value: JinjaValue, args: readonly JinjaValue[], kwargs: Kwargs): JinjaValue {
  const names = ['length', 'killwords', 'end', 'leeway']
  const [length, kill, end = '...', leeway] = bind('truncate', names, args, kwargs)
  const most = integerArgument('truncate', length, 255)
  const sign = textArgument('truncate', end)
  if (most < characters(sign).length) throw new RangeError(`expected length >= ${characters(sign).length}, got ${most}`)
  const size = itemCount(value)
  if (size === undefined) throw new TypeError(`object of type '${typeName(value)}' has no len()`)
  if (size <= most + integerArgument('truncate', leeway === null ? undefined : leeway, 5)) return value
  if (typeof value !== 'string' && !(value instanceof Markup))
    throw new TypeError(`the filter truncate needs text, got ${typeName(value)}`)
  const text = characters(unmarked('truncate', value))
  const cut = text.slice(0, most - characters(sign).length).join('')
  const space = cut.lastIndexOf(' ')
  return (flagArgument(kill) || space === -1 ? cut : cut.slice(0, space)) + sign
}

/** Filters with text or numbers as results. */
export const textFilters: Readonly<Record<string, Filter>> = {
  upper: plain('upper', (text) => text.toUpperCase()),
  lower: plain('lower', (text) => text.toLowerCase()),
  title: plain('title', titled),
  capitalize: plain('capitalize', capitalized),
  wordcount: plain('wordcount', (text) => BigInt(text.match(/[\p{L}\p{N}_]+/gu)?.length ?? 0)),
  safe: (value) => (value instanceof Markup ? value : new Markup(str(value))),
  escape: escaped,
  e: escaped,
  forceescape: (value) => escaped(str(value)),
  string: (value) => (value instanceof Markup ? value : str(value)),
  tojson: (value, args, kwargs) => toJson(value, args, kwargs),
  indent: indented,
  truncate: truncated,
  trim(value, args, kwargs) {
    const [chars = null] = bind('trim', ['chars'], args, kwargs)
    return strip(unmarked('trim', value), chars === null ? null : textArgument('trim', chars), 'both')
  },
  replace(value, args, kwargs) {
    const [old, fresh, count = null] = bind('replace', ['old', 'new', 'count'], args, kwargs, 2)
    return replaced(
      unmarked('replace', value),
      str(old!),
      str(fresh!),
      count === null ? -1 : integerArgument('replace', count, -1),
    )
  },
  center(value, args, kwargs) {
    const [width] = bind('center', ['width'], args, kwargs)
    return placed(unmarked('center', value), integerArgument('center', width, 80), ' ', 'center')
  },
  format(value, args, kwargs) {
    if (args.length > 0 && kwargs.size > 0) throw new TypeError("can't handle positional and keyword arguments at the same time")
    return formatted(unmarked('format', value), kwargs.size > 0 ? new Dict(kwargs) : new Tuple(args))
  },
  int(value, args, kwargs) {
    const [byDefault = 0n, base = 10n] = bind('int', ['default', 'base'], args, kwargs)
    return integerOf(defined(value), BigInt(integerArgument('int', base, 10))) ?? byDefault
  },
  float(value, args, kwargs) {
    const [byDefault = 0] = bind('float', ['default'], args, kwargs)
    return floatOf(defined(value)) ?? byDefault
  },
  abs(value, args, kwargs) {
    bind('abs', [], args, kwargs)
    if (!isNumber(defined(value))) throw new TypeError(`bad operand type for abs(): '${typeName(value)}'`)
    const number = typeof value === 'boolean' ? BigInt(value) : (value as bigint | number)
    return number < 0 || Object.is(number, -0) ? -number : number
  },
  round(value, args, kwargs) {
    const [decimals, method = 'common'] = bind('round', ['precision', 'method'], args, kwargs)
    return rounded(defined(value), integerArgument('round', decimals, 0), textArgument('round', method))
  },
}
