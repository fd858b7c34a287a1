import { formatted } from './format.js'
import { str } from './text.js'
import {
  characters,
  Dict,
  defined,
  isList,
  isNumber,
  iterate,
  type JinjaValue,
  Markup,
  Namespace,
  Range,
  Tuple,
  typeName,
  Undefined,
  View,
} from './values.js'

/** No prompt has longer texts or lists. */
const LONGEST = 10_000_000

const textOf = (value: JinjaValue): string | undefined =>
  typeof value === 'string' ? value : value instanceof Markup ? value.text : undefined
const itemsOf = (value: JinjaValue): readonly JinjaValue[] | undefined =>
  isList(value) ? value : value instanceof Tuple || value instanceof Range ? value.items : undefined

const sameItems = (a: readonly JinjaValue[], b: readonly JinjaValue[]): boolean =>
  a.length === b.length && a.every((item, index) => equals(item, b[index] ?? null))

/** `a == b`. */
export function equals(a: JinjaValue, b: JinjaValue): boolean {
  if (isNumber(a) && isNumber(b)) return typeof a === 'bigint' && typeof b === 'bigint' ? a === b : Number(a) === Number(b)
  const [left, right] = [textOf(a), textOf(b)]
  if (left !== undefined || right !== undefined) return left === right
  if (isList(a) && isList(b)) return sameItems(a, b)
  if (a instanceof Tuple && b instanceof Tuple) return sameItems(a.items, b.items)
  if (a instanceof Range && b instanceof Range) return sameItems(a.items, b.items)
  if (a instanceof Undefined) return b instanceof Undefined
  if (a instanceof Dict && b instanceof Dict)
    return a.size === b.size && a.entries.every(([key, value]) => b.has(key) && equals(value, b.get(key) ?? null))
  return a === b
}

const byCharacters = (a: string, b: string): number => {
  const [left, right] = [characters(a), characters(b)]
  const at = left.findIndex((character, index) => character !== right[index])
  if (at === -1) return left.length - right.length
  return (left[at]?.codePointAt(0) ?? 0) - (right[at]?.codePointAt(0) ?? -1)
}

/** Compares two values: below, at or above zero; NaN if neither is smaller. @throws TypeError for values without an order in Python */
export function compareValues(a: JinjaValue, b: JinjaValue, operator = '<'): number {
  if (isNumber(a) && isNumber(b)) return Number.isNaN(a) || Number.isNaN(b) ? Number.NaN : a < b ? -1 : a > b ? 1 : 0
  const [left, right] = [textOf(a), textOf(b)]
  if (left !== undefined && right !== undefined) return byCharacters(left, right)
  const isSame = (isList(a) && isList(b)) || (a instanceof Tuple && b instanceof Tuple)
  const [ours, theirs] = [itemsOf(a), itemsOf(b)]
  if (isSame && ours && theirs) {
    const at = ours.findIndex((item, index) => index >= theirs.length || !equals(item, theirs[index]!))
    if (at === -1) return ours.length - theirs.length
    return at >= theirs.length ? 1 : compareValues(ours[at]!, theirs[at]!, operator)
  }
  defined(a)
  defined(b)
  throw new TypeError(`'${operator}' not supported between instances of '${typeName(a)}' and '${typeName(b)}'`)
}

/** `item in container`. */
export function contains(container: JinjaValue, item: JinjaValue): boolean {
  const text = textOf(container)
  if (text !== undefined) {
    const part = textOf(defined(item))
    if (part === undefined) throw new TypeError(`'in <string>' requires string as left operand, not ${typeName(item)}`)
    return text.includes(part)
  }
  if (container instanceof Dict) return container.has(item)
  if (container instanceof View && container.kind === 'keys') return container.items.some((key) => equals(key, item))
  if (container instanceof Namespace || container === null || isNumber(container))
    throw new TypeError(`argument of type '${typeName(container)}' is not iterable`)
  for (const inner of iterate(container)) if (equals(inner, item)) return true
  return false
}

/** Applies a comparison or another binary operator. */
export function operate(operator: string, a: JinjaValue, b: JinjaValue): JinjaValue {
  switch (operator) {
    case '==':
      return equals(a, b)
    case '!=':
      return !equals(a, b)
    case '<':
      return compareValues(a, b, operator) < 0
    case '>':
      return compareValues(a, b, operator) > 0
    case '<=':
      return compareValues(a, b, operator) <= 0
    case '>=':
      return compareValues(a, b, operator) >= 0
    case 'in':
      return contains(b, a)
    case 'not in':
      return !contains(b, a)
    case '~':
      return str(a) + str(b)
    default:
      return arithmetic(operator, defined(a), defined(b))
  }
}

function unsupported(operator: string, a: JinjaValue, b: JinjaValue): TypeError {
  if (operator === '+' && typeof a === 'string') return new TypeError(`can only concatenate str (not "${typeName(b)}") to str`)
  return new TypeError(`unsupported operand type(s) for ${operator}: '${typeName(a)}' and '${typeName(b)}'`)
}

function repeated(value: string | readonly JinjaValue[] | Tuple, times: bigint): JinjaValue {
  const count = Math.max(0, Number(times))
  const length = typeof value === 'string' ? value.length : isList(value) ? value.length : (value as Tuple).items.length
  if (length * count > LONGEST) throw new RangeError(`${length} items times ${count} are more than ${LONGEST}`)
  if (typeof value === 'string') return value.repeat(count)
  const items = Array.from({ length: count }, () => (isList(value) ? value : (value as Tuple).items)).flat()
  return isList(value) ? items : new Tuple(items)
}

function arithmetic(operator: string, a: JinjaValue, b: JinjaValue): JinjaValue {
  if (a instanceof Markup || b instanceof Markup)
    throw new Error(
      `the operator ${operator} on text of the filter safe or escape, which escapes the other side, is not supported`,
    )
  if (operator === '%' && typeof a === 'string') return formatted(a, b)
  if (isNumber(a) && isNumber(b)) return calculated(operator, a, b)
  if (operator === '+') {
    if (typeof a === 'string' && typeof b === 'string') return a + b
    if (isList(a) && isList(b)) return [...a, ...b]
    if (a instanceof Tuple && b instanceof Tuple) return new Tuple([...a.items, ...b.items])
  }
  if (operator === '*') {
    const [many, times] = isNumber(a) ? [b, a] : [a, b]
    if (
      (typeof many === 'string' || isList(many) || many instanceof Tuple) &&
      (typeof times === 'bigint' || typeof times === 'boolean')
    )
      return repeated(many, BigInt(times))
  }
  throw unsupported(operator, a, b)
}

function calculated(operator: string, a: boolean | bigint | number, b: boolean | bigint | number): JinjaValue {
  if (typeof a === 'number' || typeof b === 'number' || operator === '/') return ofFloats(operator, Number(a), Number(b))
  const [left, right] = [BigInt(a), BigInt(b)]
  if (right === 0n && (operator === '//' || operator === '%')) throw new RangeError('integer division or modulo by zero')
  const remainder = right === 0n ? 0n : left % right
  const isUneven = remainder !== 0n && remainder < 0n !== right < 0n
  switch (operator) {
    case '+':
      return left + right
    case '-':
      return left - right
    case '*':
      return left * right
    case '//':
      return left / right - (isUneven ? 1n : 0n)
    case '%':
      return remainder + (isUneven ? right : 0n)
    case '**':
      if (right < 0n) return ofFloats(operator, Number(left), Number(right))
      if (right > 10_000n) throw new RangeError(`an exponent of ${right} is not supported`)
      return left ** right
    default:
      throw unsupported(operator, a, b)
  }
}

function ofFloats(operator: string, a: number, b: number): number {
  if (b === 0 && ['/', '//', '%'].includes(operator)) throw new RangeError('division by zero')
  const remainder = a % b
  const modulo = remainder !== 0 && remainder < 0 !== b < 0 ? remainder + b : remainder
  switch (operator) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return a * b
    case '/':
      return a / b
    case '//':
      return Math.round((a - modulo) / b)
    case '%':
      return modulo === 0 ? (b < 0 ? -0 : 0) : modulo
    case '**':
      if (a === 0 && b < 0) throw new RangeError('0.0 cannot be raised to a negative power')
      if (a < 0 && !Number.isInteger(b)) throw new RangeError('a complex number is not supported')
      return a ** b
    default:
      throw unsupported(operator, a, b)
  }
}

/** `+value`, `-value`. */
export function signed(sign: string, value: JinjaValue): JinjaValue {
  defined(value)
  if (!isNumber(value)) throw new TypeError(`bad operand type for unary ${sign}: '${typeName(value)}'`)
  const number = typeof value === 'boolean' ? BigInt(value) : value
  return sign === '-' ? -number : number
}
