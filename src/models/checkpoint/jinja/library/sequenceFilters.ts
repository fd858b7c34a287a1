import { bind, type Filter, flagArgument, integerArgument, textArgument } from '../arguments.js'
import { onlyAttribute, pathOf } from '../attributes.js'
import { compareValues, equals, operate } from '../operators.js'
import { str } from '../text.js'
import {
  characters,
  Dict,
  defined,
  Group,
  isTruthy,
  itemCount,
  iterate,
  type JinjaValue,
  type Kwargs,
  Markup,
  Stream,
  Tuple,
  typeName,
  Undefined,
  valueOr,
} from '../values.js'
import { testOf } from './tests.js'

const stream = (make: () => Generator<JinjaValue>): Stream => new Stream(make())

const folded = (value: JinjaValue): JinjaValue =>
  typeof value === 'string' ? value.toLowerCase() : value instanceof Markup ? value.text.toLowerCase() : value

/** The key for comparing values: the value or an attribute, in lower case unless `cased`. */
function keyOf(attribute: JinjaValue | undefined, cased: boolean, byDefault?: JinjaValue): (value: JinjaValue) => JinjaValue {
  return (value) => {
    const found = attribute == null ? value : pathOf(value, attribute)
    const key = found instanceof Undefined && byDefault !== undefined ? byDefault : found
    return cased ? key : folded(key)
  }
}

/** The key of `sort`, which takes several attributes with commas between them. */
function keysOf(attribute: JinjaValue | undefined, cased: boolean): (value: JinjaValue) => JinjaValue {
  const keys = (typeof attribute === 'string' ? attribute.split(',') : [attribute]).map((one) => keyOf(one, cased))
  return (value) => keys.map((key) => key(value))
}

function sorted(values: readonly JinjaValue[], key: (value: JinjaValue) => JinjaValue, isReverse: boolean): JinjaValue[] {
  const keyed = values.map((value) => ({ value, key: key(value) }))
  keyed.sort((a, b) => (isReverse ? compareValues(b.key, a.key) : compareValues(a.key, b.key)))
  return keyed.map(({ value }) => value)
}

/** Values from the last to the first. */
function backwards(name: string, value: JinjaValue): JinjaValue[] {
  defined(value)
  if (value instanceof Stream || value === null || itemCount(value) === undefined)
    throw new TypeError(`the filter ${name} needs a sequence, got ${typeName(value)}`)
  return [...iterate(value)].reverse()
}

const extreme =
  (name: 'min' | 'max'): Filter =>
  (value, args, kwargs) => {
    const [cased, attribute] = bind(name, ['case_sensitive', 'attribute'], args, kwargs)
    const key = keyOf(attribute, flagArgument(cased))
    let best: JinjaValue | undefined
    for (const one of iterate(value)) {
      const order = best === undefined ? 0 : compareValues(key(one), key(best))
      if (best === undefined || (name === 'min' ? order < 0 : order > 0)) best = one
    }
    return valueOr(best, new Undefined('No aggregated item, sequence was empty.'))
  }

/** `select`, `reject` and their forms for attributes: keeps the values for which the test gives `expected`. */
const chosen =
  (expected: boolean, ofAttribute: boolean): Filter =>
  (value, args, kwargs) =>
    stream(function* () {
      const [attribute, rest] = ofAttribute ? [args[0], args.slice(1)] : [undefined, args]
      if (ofAttribute && attribute === undefined) throw new TypeError('Missing parameter for attribute name')
      const [name, ...others] = rest
      const test = name === undefined ? isTruthy : (one: JinjaValue) => testOf(textArgument('select', name))(one, others, kwargs)
      if (!isTruthy(value)) return
      for (const one of iterate(value)) if (test(attribute === undefined ? one : pathOf(one, attribute)) === expected) yield one
    })

/** `map`: an attribute of each value, or the result of a filter. */
export const mapWith =
  (filterOf: (name: string) => Filter): Filter =>
  (value, args, kwargs) => {
    const [attribute, [name, ...others]] = [kwargs.get('attribute'), args]
    return stream(function* () {
      if (!isTruthy(value)) return
      if (name === undefined && attribute !== undefined) {
        const unexpected = [...kwargs.keys()].find((key) => key !== 'attribute' && key !== 'default')
        if (unexpected !== undefined) throw new TypeError(`Unexpected keyword argument '${unexpected}'`)
        const get = keyOf(attribute, true, kwargs.get('default'))
        for (const one of iterate(value)) yield get(one)
        return
      }
      if (name === undefined) throw new TypeError('map requires a filter argument')
      const filter = filterOf(textArgument('map', name))
      for (const one of iterate(value)) yield filter(one, others, kwargs)
    })
  }

function joined(value: JinjaValue, args: readonly JinjaValue[], kwargs: Kwargs): string {
  const [between = '', attribute] = bind('join', ['d', 'attribute'], args, kwargs)
  const get = keyOf(attribute, true)
  return Array.from(iterate(value), (one) => str(get(one))).join(str(between))
}

function batches(value: JinjaValue, args: readonly JinjaValue[], kwargs: Kwargs): Stream {
  const [count, fill = null] = bind('batch', ['linecount', 'fill_with'], args, kwargs, 1)
  const size = integerArgument('batch', count, 1)
  return stream(function* () {
    let batch: JinjaValue[] = []
    for (const one of iterate(value)) {
      if (batch.length === size) {
        yield batch
        batch = []
      }
      batch.push(one)
    }
    if (batch.length === 0) return
    yield fill === null ? batch : [...batch, ...Array.from({ length: Math.max(0, size - batch.length) }, () => fill)]
  })
}

function sortedEntries(value: JinjaValue, args: readonly JinjaValue[], kwargs: Kwargs): JinjaValue {
  const [cased, by = 'key', isReverse] = bind('dictsort', ['case_sensitive', 'by', 'reverse'], args, kwargs)
  if (!(value instanceof Dict)) throw new TypeError(`the filter dictsort needs a dictionary, got ${typeName(value)}`)
  if (by !== 'key' && by !== 'value') throw new Error('You can only sort by either "key" or "value"')
  const at = by === 'key' ? 0 : 1
  const entries = value.entries.map((entry) => new Tuple(entry))
  return sorted(entries, (entry) => keyOf(undefined, flagArgument(cased))((entry as Tuple).items[at]!), flagArgument(isReverse))
}

/** Filters of iterable values. */
export const sequenceFilters: Readonly<Record<string, Filter>> = {
  list: (value) => [...iterate(value)],
  join: joined,
  select: chosen(true, false),
  reject: chosen(false, false),
  selectattr: chosen(true, true),
  rejectattr: chosen(false, true),
  batch: batches,
  dictsort: sortedEntries,
  min: extreme('min'),
  max: extreme('max'),
  length: (value) => lengthOf(value),
  count: (value) => lengthOf(value),
  first(value) {
    for (const one of iterate(value)) return one
    return new Undefined('No first item, sequence was empty.')
  },
  last: (value) =>
    valueOr(backwards('last', value instanceof Undefined ? [] : value)[0], new Undefined('No last item, sequence was empty.')),
  reverse(value) {
    if (typeof value === 'string') return characters(value).reverse().join('')
    if (value instanceof Markup) throw new Error('the filter reverse on text from the filter safe or escape is not supported')
    const items = value instanceof Stream ? [...value.iterator].reverse() : backwards('reverse', value)
    return value instanceof Stream
      ? items
      : stream(function* () {
          yield* items
        })
  },
  sort(value, args, kwargs) {
    const [isReverse, cased, attribute] = bind('sort', ['reverse', 'case_sensitive', 'attribute'], args, kwargs)
    return sorted([...iterate(value)], keysOf(attribute, flagArgument(cased)), flagArgument(isReverse))
  },
  unique(value, args, kwargs) {
    const [cased, attribute] = bind('unique', ['case_sensitive', 'attribute'], args, kwargs)
    const key = keyOf(attribute, flagArgument(cased))
    return stream(function* () {
      const keys = new Dict()
      for (const one of iterate(value)) {
        if (keys.has(key(one))) continue
        keys.set(key(one), true)
        yield one
      }
    })
  },
  sum(value, args, kwargs) {
    const [attribute, start = 0n] = bind('sum', ['attribute', 'start'], args, kwargs)
    if (typeof start === 'string') throw new TypeError("sum() can't sum strings [use ''.join(seq) instead]")
    let sum: JinjaValue = start
    for (const one of iterate(value)) sum = operate('+', sum, keyOf(attribute, true)(one))
    return sum
  },
  default(value, args, kwargs) {
    const [byDefault = '', isFalse] = bind('default', ['default_value', 'boolean'], args, kwargs)
    return value instanceof Undefined || (flagArgument(isFalse) && !isTruthy(value)) ? byDefault : value
  },
  d: (value, args, kwargs) => sequenceFilters.default!(value, args, kwargs),
  attr(value, args, kwargs) {
    const [name] = bind('attr', ['name'], args, kwargs, 1)
    return onlyAttribute(value, str(name!))
  },
  items(value) {
    return stream(function* () {
      if (value instanceof Undefined) return
      if (!(value instanceof Dict)) throw new TypeError('Can only get item pairs from a mapping.')
      for (const entry of value.entries) yield new Tuple(entry)
    })
  },
  groupby(value, args, kwargs) {
    const [attribute, byDefault, cased] = bind('groupby', ['attribute', 'default', 'case_sensitive'], args, kwargs, 1)
    const key = keyOf(attribute, flagArgument(cased), byDefault)
    const own = keyOf(attribute, true, byDefault)
    const groups: { key: JinjaValue; name: JinjaValue; items: JinjaValue[] }[] = []
    for (const one of sorted([...iterate(value)], key, false)) {
      const group = groups.at(-1)
      if (group && equals(group.key, key(one))) group.items.push(one)
      else groups.push({ key: key(one), name: own(one), items: [one] })
    }
    return groups.map(({ name, items }) => new Group(name, items))
  },
}

function lengthOf(value: JinjaValue): bigint {
  const size = itemCount(value)
  if (size === undefined) throw new TypeError(`object of type '${typeName(value)}' has no len()`)
  return BigInt(size)
}
