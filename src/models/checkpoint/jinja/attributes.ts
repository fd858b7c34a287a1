import { bind } from './arguments.js'
import { ownText, stringMethod } from './library/stringMethods.js'
import { equals } from './operators.js'
import { sliced } from './slice.js'
import { repr } from './text.js'
import {
  characters,
  Dict,
  defined,
  Func,
  Group,
  isList,
  isNumber,
  type JinjaValue,
  Loop,
  Markup,
  Namespace,
  Range,
  Tuple,
  typeName,
  Undefined,
  View,
  valueOr,
} from './values.js'

const MUTATORS: Readonly<Record<string, readonly string[]>> = {
  list: 'append clear extend insert pop remove reverse sort'.split(' '),
  dict: 'clear pop popitem setdefault update'.split(' '),
}

const NUMBER_ATTRIBUTES =
  'real imag numerator denominator conjugate bit_length bit_count to_bytes from_bytes as_integer_ratio is_integer hex fromhex'.split(
    ' ',
  )

function dictMethod(dict: Dict, name: string): JinjaValue | undefined {
  const none = (make: () => JinjaValue) =>
    new Func(name, (args, kwargs) => {
      bind(name, [], args, kwargs)
      return make()
    })
  switch (name) {
    case 'items':
      return none(
        () =>
          new View(
            'items',
            dict.entries.map((entry) => new Tuple(entry)),
          ),
      )
    case 'keys':
      return none(
        () =>
          new View(
            'keys',
            dict.entries.map(([key]) => key),
          ),
      )
    case 'values':
      return none(
        () =>
          new View(
            'values',
            dict.entries.map(([, value]) => value),
          ),
      )
    case 'copy':
      return none(() => new Dict(dict.entries))
    case 'get':
      return new Func(name, (args, kwargs) => {
        if (kwargs.size > 0) throw new TypeError('dict.get() takes no keyword arguments')
        const [key, byDefault = null] = bind(name, ['key', 'default'], args, kwargs, 1)
        return valueOr(dict.get(key!), byDefault)
      })
    default:
      return undefined
  }
}

function listMethod(list: readonly JinjaValue[], name: string, isTuple: boolean): JinjaValue | undefined {
  if (name === 'copy' && !isTuple) return new Func(name, () => [...list])
  if (name === 'count')
    return new Func(name, (args, kwargs) => {
      const [target] = bind(name, ['value'], args, kwargs, 1)
      return BigInt(list.filter((item) => equals(item, target!)).length)
    })
  if (name === 'index')
    return new Func(name, (args, kwargs) => {
      const [target] = bind(name, ['value'], args, kwargs, 1)
      const at = list.findIndex((item) => equals(item, target!))
      if (at === -1) throw new RangeError(`${repr(target!)} is not in list`)
      return BigInt(at)
    })
  return undefined
}

/** A method or attribute of the object itself. */
function ownAttribute(object: JinjaValue, name: string): JinjaValue | undefined {
  const type = typeName(object)
  if (MUTATORS[type]?.includes(name)) throw new Error(`access to attribute '${name}' of '${type}' object is unsafe.`)
  if (typeof object === 'string' || object instanceof Markup) {
    const method = stringMethod(name)
    return method && new Func(name, (args, kwargs) => method(ownText(object), args, kwargs))
  }
  if (object instanceof Dict) return dictMethod(object, name)
  if (isList(object)) return listMethod(object, name, false)
  if (object instanceof Group && (name === 'grouper' || name === 'list')) return object[name]
  if (object instanceof Tuple) return listMethod(object.items, name, true)
  if (object instanceof Namespace) return object.values.get(name)
  if (object instanceof Loop) return object.fields.get(name)
  if (isNumber(object) && NUMBER_ATTRIBUTES.includes(name)) throw new Error(`the attribute ${name} of a number is not supported`)
  return undefined
}

const missing = (object: JinjaValue, name: JinjaValue): Undefined =>
  new Undefined(
    typeof name === 'string'
      ? `'${typeName(object)} object' has no attribute ${repr(name)}`
      : `${typeName(object)} object has no element ${repr(name)}`,
  )

/** `object[key]`, items only. */
function item(object: JinjaValue, key: JinjaValue): JinjaValue | undefined {
  if (object instanceof Dict) return isList(key) || key instanceof Dict || key instanceof Undefined ? undefined : object.get(key)
  if (typeof key !== 'bigint' && typeof key !== 'boolean') return undefined
  if (object instanceof Markup) throw new Error('an index into text from the filter safe or escape is not supported')
  if (typeof object === 'string') return characters(object).at(Number(key))
  if (isList(object)) return object.at(Number(key))
  return object instanceof Tuple || object instanceof Range ? (object.items as readonly JinjaValue[]).at(Number(key)) : undefined
}

/** `object.name`: an attribute, or else an item. */
export function attributeOf(object: JinjaValue, name: string): JinjaValue {
  defined(object)
  if (name.startsWith('_')) return new Undefined(`access to attribute '${name}' of '${typeName(object)}' object is unsafe.`)
  return valueOr(ownAttribute(object, name), valueOr(item(object, name), missing(object, name)))
}

/** `object[key]`: an item, or else an attribute. */
export function itemOf(object: JinjaValue, key: JinjaValue): JinjaValue {
  defined(object)
  const found = item(object, key)
  if (found !== undefined) return found
  return valueOr(typeof key === 'string' && !key.startsWith('_') ? ownAttribute(object, key) : undefined, missing(object, key))
}

/** The filter `attr`: attributes only. */
export const onlyAttribute = (object: JinjaValue, name: string): JinjaValue => {
  defined(object)
  return valueOr(name.startsWith('_') ? undefined : ownAttribute(object, name), missing(object, name))
}

/** `object[start:end:step]`. */
export function sliceOf(object: JinjaValue, parts: readonly [JinjaValue, JinjaValue, JinjaValue]): JinjaValue {
  defined(object)
  if (object instanceof Markup) throw new Error('a slice of text from the filter safe or escape is not supported')
  const text = typeof object === 'string' ? sliced(characters(object), parts)?.join('') : undefined
  if (text !== undefined) return text
  const list = isList(object) ? sliced(object, parts) : undefined
  if (list) return list
  const tuple = object instanceof Tuple ? sliced(object.items, parts) : undefined
  if (tuple) return new Tuple(tuple)
  if (object instanceof Range) throw new Error('a slice of a range is not supported: add `|list`')
  throw new TypeError(object instanceof Dict ? "unhashable type: 'slice'" : `'${typeName(object)}' object is not subscriptable`)
}

/** The value at a dotted path such as `a.b.0`, the form in which filters take attributes. */
export function pathOf(object: JinjaValue, path: JinjaValue): JinjaValue {
  const keys: readonly JinjaValue[] =
    typeof path === 'string' ? path.split('.').map((key) => (/^\d+$/.test(key) ? BigInt(key) : key)) : [path]
  return keys.reduce((inner, key) => itemOf(inner, key), object)
}
