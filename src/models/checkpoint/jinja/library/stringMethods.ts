import { bind, flagArgument, integerArgument, textArgument } from '../arguments.js'
import { sliced } from '../slice.js'
import { SPACE, str, strip } from '../text.js'
import { characters, defined, iterate, type JinjaValue, type Kwargs, type Markup, Tuple, typeName } from '../values.js'

/** A method, as a function of its text and arguments. */
type Method = (text: string, args: readonly JinjaValue[], kwargs: Kwargs) => JinjaValue

const NONE: Kwargs = new Map()
const LINE_ENDS = '\\n\\r\\v\\f\\x1c-\\x1e\\x85\\u2028\\u2029'
const LINE_END = new RegExp(`\\r\\n|[${LINE_ENDS}]`, 'g')

/** Digraphs have a title-case form. */
const DIGRAPHS = ['ǄǅǆǅǇǈǉǈǊǋǌǋǱǲǳǲ'].join('')
function titleCase(character: string): string {
  const at = character === '' ? -1 : DIGRAPHS.indexOf(character)
  if (at !== -1) return DIGRAPHS[at - (at % 4) + 1]!
  const [first = '', ...rest] = characters(character.toUpperCase())
  return first + rest.join('').toLowerCase()
}

/** `str.capitalize()`. */
export function capitalized(text: string): string {
  const [first = '', ...rest] = characters(text)
  // The lower case of a last letter may depend on those before it, so the rest is lowered together.
  return titleCase(first) + (first + rest.join('')).toLowerCase().slice(first.toLowerCase().length)
}

const CASED = /[\p{Lu}\p{Ll}\p{Lt}]+/gu
const hasCase = (text: string, isUpper: boolean): boolean =>
  /[\p{Lu}\p{Ll}\p{Lt}]/u.test(text) && !(isUpper ? /[\p{Ll}\p{Lt}]/u : /[\p{Lu}\p{Lt}]/u).test(text)

const strips =
  (name: string, ends: 'left' | 'right' | 'both'): Method =>
  (text, args, kwargs) => {
    const [chars = null] = bind(name, ['chars'], args, refuseKeywords(name, kwargs))
    return strip(text, chars === null ? null : textArgument(name, chars), ends)
  }

/** Most methods of str take no keyword arguments. */
function refuseKeywords(name: string, kwargs: Kwargs): Kwargs {
  if (kwargs.size > 0) throw new TypeError(`str.${name}() takes no keyword arguments`)
  return NONE
}

/** The part of a text between a method's start and end arguments. */
function within(name: string, text: string, [start, end]: readonly (JinjaValue | undefined)[]): string {
  const slice = sliced(characters(text), [start ?? null, end ?? null, null])
  if (slice === undefined) throw new TypeError(`${name}() expects integers for start and end`)
  return slice.join('')
}

const matches =
  (name: 'startswith' | 'endswith'): Method =>
  (text, args, kwargs) => {
    const [affix, ...range] = bind(name, [name, 'start', 'end'], args, refuseKeywords(name, kwargs), 1)
    const part = within(name, text, range)
    const affixes = affix instanceof Tuple ? affix.items : [affix!]
    return affixes.some((one) => {
      const affixText = textArgument(name, defined(one))
      return name === 'startswith' ? part.startsWith(affixText) : part.endsWith(affixText)
    })
  }

const finds =
  (name: 'find' | 'rfind' | 'index' | 'rindex'): Method =>
  (text, args, kwargs) => {
    const [target, ...range] = bind(name, ['sub', 'start', 'end'], args, refuseKeywords(name, kwargs), 1)
    const all = characters(text)
    const part = within(name, text, range)
    const at = name.startsWith('r') ? part.lastIndexOf(textArgument(name, target)) : part.indexOf(textArgument(name, target))
    if (at === -1) {
      if (name.endsWith('index')) throw new RangeError('substring not found')
      return -1n
    }
    const [start = null] = range
    const offset = start === null ? 0 : Number(start)
    return BigInt(characters(part.slice(0, at)).length + (offset < 0 ? Math.max(0, all.length + offset) : offset))
  }

function split(name: 'split' | 'rsplit', text: string, args: readonly JinjaValue[], kwargs: Kwargs): JinjaValue {
  const [separator = null, most] = bind(name, ['sep', 'maxsplit'], args, kwargs)
  const limit = integerArgument(name, most, -1)
  const parts = separator === null ? words(text, limit, name) : text.split(nonEmpty(name, separator))
  if (separator === null || limit < 0 || parts.length - 1 <= limit) return parts
  const between = textArgument(name, separator)
  if (name === 'split') return [...parts.slice(0, limit), parts.slice(limit).join(between)]
  const kept = parts.length - limit
  return [parts.slice(0, kept).join(between), ...parts.slice(kept)]
}

function nonEmpty(name: string, separator: JinjaValue): string {
  const text = textArgument(name, separator)
  if (text === '') throw new RangeError('empty separator')
  return text
}

/** Words between white space, with at most `limit` splits, from the left or the right. */
function words(text: string, limit: number, name: 'split' | 'rsplit'): string[] {
  const found = [...text.matchAll(new RegExp(`[^${SPACE}]+`, 'gu'))]
  if (limit < 0 || found.length - 1 <= limit) return found.map(([word]) => word)
  if (name === 'split') {
    const rest = found[limit]!
    return [...found.slice(0, limit).map(([word]) => word), strip(text.slice(rest.index), null, 'left')]
  }
  const last = found[found.length - 1 - limit]!
  const head = text.slice(0, last.index + last[0].length)
  return [strip(head, null, 'right'), ...found.slice(found.length - limit).map(([word]) => word)]
}

function parted(name: 'partition' | 'rpartition', text: string, args: readonly JinjaValue[]): JinjaValue {
  const [separator] = bind(name, ['sep'], args, NONE, 1)
  const between = nonEmpty(name, separator!)
  const at = name === 'partition' ? text.indexOf(between) : text.lastIndexOf(between)
  if (at === -1) return new Tuple(name === 'partition' ? [text, '', ''] : ['', '', text])
  return new Tuple([text.slice(0, at), between, text.slice(at + between.length)])
}

/** Replaces `count` places of a text; all if `count` is negative. */
export function replaced(text: string, old: string, fresh: string, count: number): string {
  if (count < 0) return old === '' ? ['', ...characters(text), ''].join(fresh) : text.split(old).join(fresh)
  const parts = old === '' ? ['', ...characters(text), ''] : text.split(old)
  const done = Math.min(count, parts.length - 1)
  return [...parts.slice(0, done), parts.slice(done).join(old)].join(fresh)
}

function padded(name: string, text: string, args: readonly JinjaValue[], place: 'left' | 'right' | 'center'): string {
  const [width, fill = ' '] = bind(name, ['width', 'fillchar'], args, NONE, 1)
  return placed(text, integerArgument(name, width, 0), textArgument(name, fill), place)
}

/** Pads a text to a number of characters, at one side or both. */
export function placed(text: string, width: number, fill: string, place: 'left' | 'right' | 'center'): string {
  const missing = width - characters(text).length
  if (missing <= 0) return text
  if (place === 'left') return text + fill.repeat(missing)
  if (place === 'right') return fill.repeat(missing) + text
  const before = Math.floor(missing / 2) + ((missing % 2) & (width % 2))
  return fill.repeat(before) + text + fill.repeat(missing - before)
}

/** `str.splitlines()`. */
export function lines(text: string, keepEnds = false): string[] {
  const found: string[] = []
  let start = 0
  for (const end of text.matchAll(LINE_END)) {
    found.push(text.slice(start, keepEnds ? end.index + end[0].length : end.index))
    start = end.index + end[0].length
  }
  return start < text.length ? [...found, text.slice(start)] : found
}

/** `str.format()` for fields without a format. */
function formatFields(text: string, args: readonly JinjaValue[], kwargs: Kwargs): string {
  let next = 0
  return text.replace(/\{\{|\}\}|\{([^{}]*)\}|[{}]/g, (field, name: string | undefined) => {
    if (field === '{{' || field === '}}') return field[0]!
    if (name === undefined || !/^\w*$/.test(name)) throw new Error(`the field \`${field}\` of str.format() is not supported`)
    const value = name === '' ? args[next++] : /^\d+$/.test(name) ? args[Number(name)] : kwargs.get(name)
    if (value === undefined) throw new RangeError(`str.format() has no argument for \`${field}\``)
    return str(value)
  })
}

const plain =
  (name: string, make: (text: string) => JinjaValue): Method =>
  (text, args, kwargs) => {
    bind(name, [], args, kwargs)
    return make(text)
  }
const all = (pattern: RegExp) => (text: string) => pattern.test(text)

const METHODS: Readonly<Record<string, Method>> = {
  upper: plain('upper', (text) => text.toUpperCase()),
  lower: plain('lower', (text) => text.toLowerCase()),
  title: plain('title', (text) => text.replace(CASED, capitalized)),
  capitalize: plain('capitalize', capitalized),
  swapcase: plain('swapcase', (text) =>
    text.replace(/\p{Lu}|\p{Ll}/gu, (letter) => (/\p{Lu}/u.test(letter) ? letter.toLowerCase() : letter.toUpperCase())),
  ),
  isspace: plain('isspace', all(new RegExp(`^[${SPACE}]+$`, 'u'))),
  isalpha: plain('isalpha', all(/^\p{L}+$/u)),
  isdecimal: plain('isdecimal', all(/^\p{Nd}+$/u)),
  isdigit: plain('isdigit', all(/^[\p{Nd}\u00b2\u00b3\u00b9\u2070\u2074-\u2079\u2080-\u2089]+$/u)),
  isalnum: plain('isalnum', all(/^[\p{L}\p{N}]+$/u)),
  isupper: plain('isupper', (text) => hasCase(text, true)),
  islower: plain('islower', (text) => hasCase(text, false)),
  isascii: plain('isascii', (text) => characters(text).every((one) => one < '\x80')),
  strip: strips('strip', 'both'),
  lstrip: strips('lstrip', 'left'),
  rstrip: strips('rstrip', 'right'),
  startswith: matches('startswith'),
  endswith: matches('endswith'),
  find: finds('find'),
  rfind: finds('rfind'),
  index: finds('index'),
  rindex: finds('rindex'),
  split: (text, args, kwargs) => split('split', text, args, kwargs),
  rsplit: (text, args, kwargs) => split('rsplit', text, args, kwargs),
  partition: (text, args) => parted('partition', text, args),
  rpartition: (text, args) => parted('rpartition', text, args),
  splitlines: (text, args, kwargs) => lines(text, flagArgument(bind('splitlines', ['keepends'], args, kwargs)[0])),
  replace(text, args, kwargs) {
    const [old, fresh, count] = bind('replace', ['old', 'new', 'count'], args, refuseKeywords('replace', kwargs), 2)
    return replaced(text, textArgument('replace', old), textArgument('replace', fresh), integerArgument('replace', count, -1))
  },
  count(text, args, kwargs) {
    const [target, ...range] = bind('count', ['sub', 'start', 'end'], args, refuseKeywords('count', kwargs), 1)
    const part = within('count', text, range)
    const sub = textArgument('count', target)
    return BigInt(sub === '' ? characters(part).length + 1 : part.split(sub).length - 1)
  },
  join(text, args, kwargs) {
    const [parts] = bind('join', ['iterable'], args, refuseKeywords('join', kwargs), 1)
    return Array.from(iterate(parts!), (part) => textArgument('join', defined(part))).join(text)
  },
  removeprefix(text, args) {
    const prefix = textArgument('removeprefix', bind('removeprefix', ['prefix'], args, NONE, 1)[0])
    return text.startsWith(prefix) ? text.slice(prefix.length) : text
  },
  removesuffix(text, args) {
    const suffix = textArgument('removesuffix', bind('removesuffix', ['suffix'], args, NONE, 1)[0])
    return text.endsWith(suffix) ? text.slice(0, text.length - suffix.length) : text
  },
  zfill(text, args) {
    const sign = /^[-+]?/.exec(text)![0]
    const width = integerArgument('zfill', bind('zfill', ['width'], args, NONE, 1)[0], 0)
    return sign + placed(text.slice(sign.length), width - sign.length, '0', 'right')
  },
  center: (text, args) => padded('center', text, args, 'center'),
  ljust: (text, args) => padded('ljust', text, args, 'left'),
  rjust: (text, args) => padded('rjust', text, args, 'right'),
  format: formatFields,
}

/** A method of str by its name. @throws Error for an unsupported method, by name */
export function stringMethod(name: string): Method | undefined {
  if (Object.hasOwn(METHODS, name)) return METHODS[name]
  if (OTHERS.includes(name)) throw new Error(`the method str.${name}() is not supported`)
  return undefined
}

const OTHERS = 'casefold encode expandtabs format_map isidentifier isnumeric isprintable istitle maketrans translate'.split(' ')

/** A value that must be text. */
export const ownText = (value: string | Markup): string => {
  if (typeof value === 'string') return value
  throw new Error(`a method of text from the filter safe or escape (${typeName(value)}) is not supported`)
}
