import { bind } from '../arguments.js'
import { compareValues, contains, equals, operate } from '../operators.js'
import { str } from '../text.js'
import {
  Dict,
  Func,
  isList,
  isNumber,
  iterate,
  type JinjaValue,
  type Kwargs,
  Loop,
  Markup,
  Range,
  Tuple,
  Undefined,
} from '../values.js'

/** A test, as a function of the value and the arguments. */
export type Test = (value: JinjaValue, args: readonly JinjaValue[], kwargs: Kwargs) => boolean

const plain =
  (name: string, test: (value: JinjaValue) => boolean): Test =>
  (value, args, kwargs) => {
    bind(name, [], args, kwargs)
    return test(value)
  }
const against =
  (name: string, test: (value: JinjaValue, other: JinjaValue) => boolean): Test =>
  (value, args, kwargs) =>
    test(value, bind(name, ['other'], args, kwargs, 1)[0]!)

const isIterable = (value: JinjaValue): boolean => {
  try {
    iterate(value)
    return true
  } catch {
    return value instanceof Loop
  }
}
const isSequence = (value: JinjaValue): boolean =>
  typeof value === 'string' || isList(value) || [Markup, Tuple, Dict, Range, Undefined].some((kind) => value instanceof kind)

const remainder = (value: JinjaValue, by: JinjaValue): boolean => equals(operate('%', value, by), 0n)

function isSame(value: JinjaValue, other: JinjaValue): boolean {
  const isPlain = (one: JinjaValue) => typeof one === 'string' || typeof one === 'number' || typeof one === 'bigint'
  if (isPlain(value) && isPlain(other)) throw new Error('the test sameas of two texts or numbers is not supported')
  return value === other
}

const isCased = (value: JinjaValue, isUpper: boolean): boolean => {
  const text = str(value)
  return /[\p{Lu}\p{Ll}\p{Lt}]/u.test(text) && !(isUpper ? /[\p{Ll}\p{Lt}]/u : /[\p{Lu}\p{Lt}]/u).test(text)
}

const equal = against('eq', equals)
const unequal = against('ne', (value, other) => !equals(value, other))
const less = against('lt', (value, other) => compareValues(value, other, '<') < 0)
const greater = against('gt', (value, other) => compareValues(value, other, '>') > 0)

export const tests: ReadonlyMap<string, Test> = new Map(
  Object.entries({
    boolean: plain('boolean', (value) => typeof value === 'boolean'),
    callable: plain('callable', (value) => value instanceof Func || value instanceof Undefined),
    defined: plain('defined', (value) => !(value instanceof Undefined)),
    divisibleby: against('divisibleby', remainder),
    eq: equal,
    equalto: equal,
    '==': equal,
    escaped: plain('escaped', (value) => value instanceof Markup),
    even: plain('even', (value) => remainder(value, 2n)),
    false: plain('false', (value) => value === false),
    float: plain('float', (value) => typeof value === 'number'),
    ge: against('ge', (value, other) => compareValues(value, other, '>=') >= 0),
    gt: greater,
    greaterthan: greater,
    in: against('in', (value, other) => contains(other, value)),
    integer: plain('integer', (value) => typeof value === 'bigint'),
    iterable: plain('iterable', isIterable),
    le: against('le', (value, other) => compareValues(value, other, '<=') <= 0),
    lower: plain('lower', (value) => isCased(value, false)),
    lt: less,
    lessthan: less,
    mapping: plain('mapping', (value) => value instanceof Dict),
    ne: unequal,
    '!=': unequal,
    none: plain('none', (value) => value === null),
    number: plain('number', isNumber),
    odd: plain('odd', (value) => equals(operate('%', value, 2n), 1n)),
    sameas: against('sameas', isSame),
    sequence: plain('sequence', isSequence),
    string: plain('string', (value) => typeof value === 'string' || value instanceof Markup),
    true: plain('true', (value) => value === true),
    undefined: plain('undefined', (value) => value instanceof Undefined),
    upper: plain('upper', (value) => isCased(value, true)),
  }),
)

/** @throws Error for a test that does not exist */
export function testOf(name: string): Test {
  const test = tests.get(name)
  if (!test) throw new Error(`No test named '${name}'.`)
  return test
}
