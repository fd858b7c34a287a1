/**
 * Python's values in a template: `bigint` is int, `number` is float, an array is a list, `null` is None. The others are classes, so that
 * `instanceof` tells them apart.
 */
export type JinjaValue =
  | null
  | boolean
  | bigint
  | number
  | string
  | readonly JinjaValue[]
  | Undefined
  | Tuple
  | Dict
  | Namespace
  | Func
  | Range
  | View
  | Stream
  | Markup
  | Loop

/** An undefined value. Templates may print, test and iterate it; any other use is an error. */
export class Undefined {
  constructor(readonly reason: string) {}
}

export class Tuple {
  constructor(readonly items: readonly JinjaValue[]) {}
}

/** A group of the filter `groupby`: a named pair. */
export class Group extends Tuple {
  constructor(
    readonly grouper: JinjaValue,
    readonly list: readonly JinjaValue[],
  ) {
    super([grouper, list])
  }
}

/** Text from the filter `safe` or `escape`. */
export class Markup {
  constructor(readonly text: string) {}
}

export type Kwargs = ReadonlyMap<string, JinjaValue>
/** A method, macro or global function. */
export class Func {
  constructor(
    readonly name: string,
    readonly call: (args: readonly JinjaValue[], kwargs: Kwargs) => JinjaValue,
  ) {}
}

export class Namespace {
  readonly values = new Map<string, JinjaValue>()
}

export class Range {
  readonly items: readonly bigint[]
  constructor(
    readonly text: string,
    items: readonly bigint[],
  ) {
    this.items = items
  }
}

/** `items()`, `keys()` or `values()` of a dictionary. */
export class View {
  constructor(
    readonly kind: 'items' | 'keys' | 'values',
    readonly items: readonly JinjaValue[],
  ) {}
}

/** The items of a generator. A template can iterate it only once. */
export class Stream {
  constructor(readonly iterator: IterableIterator<JinjaValue>) {}
}

/** The variable `loop`; `fields` are its attributes. */
export class Loop {
  constructor(readonly fields: ReadonlyMap<string, JinjaValue>) {}
}

/** The text of a key. Keys that are equal in Python (1, 1.0 and True) have the same text. */
function keyText(key: JinjaValue): string {
  if (typeof key === 'string') return `s${key}`
  if (key instanceof Markup) return `s${key.text}`
  if (typeof key === 'bigint' || typeof key === 'boolean' || typeof key === 'number') return `n${Number(key)}`
  if (key === null) return 'None'
  if (key instanceof Tuple) return `t${JSON.stringify(key.items.map(keyText))}`
  throw new TypeError(`unhashable type: '${typeName(key)}'`)
}

/** A dictionary, in the order of insertion. */
export class Dict {
  readonly #entries = new Map<string, readonly [JinjaValue, JinjaValue]>()

  constructor(entries: Iterable<readonly [JinjaValue, JinjaValue]> = []) {
    for (const [key, value] of entries) this.set(key, value)
  }
  set(key: JinjaValue, value: JinjaValue): void {
    const text = keyText(key)
    this.#entries.set(text, [this.#entries.get(text)?.[0] ?? key, value])
  }
  get(key: JinjaValue): JinjaValue | undefined {
    return this.#entries.get(keyText(key))?.[1]
  }
  has(key: JinjaValue): boolean {
    return this.#entries.has(keyText(key))
  }
  get entries(): readonly (readonly [JinjaValue, JinjaValue])[] {
    return [...this.#entries.values()]
  }
  get size(): number {
    return this.#entries.size
  }
}

/** A value, or a default if it is undefined. None is a value. */
export const valueOr = (value: JinjaValue | undefined, otherwise: JinjaValue): JinjaValue =>
  value === undefined ? otherwise : value

export const isList = (value: JinjaValue): value is readonly JinjaValue[] => Array.isArray(value)
export const isNumber = (value: JinjaValue): value is boolean | bigint | number =>
  typeof value === 'boolean' || typeof value === 'bigint' || typeof value === 'number'

/** Python's name for the type of a value, for messages. */
export function typeName(value: JinjaValue): string {
  if (value === null) return 'NoneType'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'bigint') return 'int'
  if (typeof value === 'number') return 'float'
  if (typeof value === 'string') return 'str'
  if (isList(value)) return 'list'
  if (value instanceof Func) return 'function'
  if (value instanceof View) return `dict_${value.kind}`
  if (value instanceof Stream) return 'generator'
  return { Dict: 'dict', Tuple: 'tuple', Range: 'range' }[value.constructor.name] ?? value.constructor.name
}

/** @throws Error for an undefined value */
export function defined<T extends JinjaValue>(value: T): Exclude<T, Undefined> {
  if (value instanceof Undefined) throw new Error(value.reason)
  return value as Exclude<T, Undefined>
}

/** Characters in Python's sense: code points. */
export const characters = (text: string): string[] => Array.from(text)

/** Iterates a value as `for` does. @throws TypeError for values that Python cannot iterate */
export function iterate(value: JinjaValue): Iterable<JinjaValue> {
  if (typeof value === 'string') return characters(value)
  if (value instanceof Markup) return characters(value.text)
  if (isList(value)) return value
  if (value instanceof Undefined) return []
  if (value instanceof Tuple || value instanceof Range || value instanceof View) return value.items
  if (value instanceof Stream) return value.iterator
  if (value instanceof Dict) return value.entries.map(([key]) => key)
  throw new TypeError(`'${typeName(value)}' object is not iterable`)
}

/** `len(value)`; undefined for values without a length. */
export function itemCount(value: JinjaValue): number | undefined {
  if (typeof value === 'string') return characters(value).length
  if (value instanceof Markup) return characters(value.text).length
  if (isList(value)) return value.length
  if (value instanceof Dict) return value.size
  if (value instanceof Undefined) return 0
  if (value instanceof Tuple || value instanceof Range || value instanceof View) return value.items.length
  const length = value instanceof Loop ? value.fields.get('length') : undefined
  return length === undefined ? undefined : Number(length)
}

export function isTruthy(value: JinjaValue): boolean {
  if (value === null || value instanceof Undefined) return false
  if (isNumber(value)) return Number(value) !== 0 || Number.isNaN(value)
  const size = itemCount(value)
  return size === undefined || size > 0
}
