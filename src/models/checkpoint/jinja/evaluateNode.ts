import { attributeOf, itemOf, sliceOf } from './attributes.js'
import { filterOf } from './library/filters.js'
import { testOf } from './library/tests.js'
import { operate, signed } from './operators.js'
import type { Scope } from './Scope.js'
import { str } from './text.js'
import type { Call, Identifier, Node } from './tree.js'
import { Dict, Func, isTruthy, iterate, type JinjaValue, type Kwargs, Tuple, typeName, Undefined } from './values.js'

type Binary = Extract<Node, { type: 'BinaryExpression' }>

const CONSTANTS: ReadonlyMap<string, JinjaValue> = new Map<string, JinjaValue>([
  ...(['true', 'True'] as const).map((name) => [name, true] as const),
  ...(['false', 'False'] as const).map((name) => [name, false] as const),
  ...(['none', 'None'] as const).map((name) => [name, null] as const),
])
const COMPARISONS: readonly string[] = ['==', '!=', '<', '>', '<=', '>=', 'in', 'not in']

/** Whether an operand has no brackets of its own. */
const isBeside = (operand: Node, operator: Binary['operator'], operators: readonly string[]): operand is Binary =>
  operand.type === 'BinaryExpression' &&
  operators.includes(operand.operator.value) &&
  operand.operator.group !== undefined &&
  operand.operator.group === operator.group

export type Arguments = Readonly<{ args: readonly JinjaValue[]; kwargs: Kwargs }>

/** The arguments of a call, with `*` and `**` unpacked. @throws TypeError for a duplicate name */
export function argumentsOf(nodes: readonly Node[], scope: Scope): Arguments {
  const args: JinjaValue[] = []
  const kwargs = new Map<string, JinjaValue>()
  const add = (key: string, value: JinjaValue) => {
    if (kwargs.has(key)) throw new TypeError(`got multiple values for keyword argument '${key}'`)
    kwargs.set(key, value)
  }
  for (const node of nodes) {
    if (node.type === 'KeywordArgumentExpression') add(node.key.value, evaluateNode(node.value, scope))
    else if (node.type === 'SpreadExpression') args.push(...iterate(evaluateNode(node.argument, scope)))
    else if (node.type === 'KeywordSpreadExpression') {
      const mapping = evaluateNode(node.argument, scope)
      if (!(mapping instanceof Dict)) throw new TypeError(`argument after ** must be a mapping, not ${typeName(mapping)}`)
      for (const [key, value] of mapping.entries) add(str(key), value)
    } else args.push(evaluateNode(node, scope))
  }
  return { args, kwargs }
}

/** Applies a filter to a value. The filters `is NAME` and `is not NAME` are tests. */
export function filtered(value: JinjaValue, filter: Identifier | Call, scope: Scope): JinjaValue {
  const name = filter.type === 'Identifier' ? filter : filter.callee
  if (name.type !== 'Identifier') throw new Error('a filter must be a name with arguments; other forms are not supported')
  const { args, kwargs } = argumentsOf(filter.type === 'Identifier' ? [] : filter.args, scope)
  const test = /^is (not )?(.*)$/.exec(name.value)
  if (test) return testOf(test[2]!)(value, args, kwargs) === (test[1] === undefined)
  return filterOf(name.value)(value, args, kwargs)
}

function called({ callee, args: nodes }: Call, scope: Scope): JinjaValue {
  const target = evaluateNode(callee, scope)
  const { args, kwargs } = argumentsOf(nodes, scope)
  if (target instanceof Func) return target.call(args, kwargs)
  throw new TypeError(target instanceof Undefined ? target.reason : `'${typeName(target)}' object is not callable`)
}

/** Evaluates `a < b < c` as `a < b and b < c`. Returns the last operand for the next comparison. */
function compared(node: Binary, scope: Scope): Readonly<{ holds: JinjaValue; last: JinjaValue }> {
  const { operator, left, right } = node
  if (!isBeside(left, operator, COMPARISONS)) {
    const [first, last] = [evaluateNode(left, scope), evaluateNode(right, scope)]
    return { holds: operate(operator.value, first, last), last }
  }
  const before = compared(left, scope)
  if (!isTruthy(before.holds)) return before
  const last = evaluateNode(right, scope)
  return { holds: operate(operator.value, before.last, last), last }
}

function binary(node: Binary, scope: Scope): JinjaValue {
  const { operator, left, right } = node
  const { value: sign } = operator
  if (COMPARISONS.includes(sign)) return compared(node, scope).holds
  const first = (): JinjaValue => evaluateNode(left, scope)
  if (sign === 'and' || sign === 'or') {
    const value = first()
    return isTruthy(value) === (sign === 'and') ? evaluateNode(right, scope) : value
  }
  // In Jinja `~` binds more tightly than `+`, but the parser gives both the same precedence.
  if (sign === '~' && isBeside(left, operator, ['+', '-'])) {
    const joined = { type: 'BinaryExpression', operator, left: left.right, right } as const
    return binary({ ...left, right: joined }, scope)
  }
  return operate(sign, first(), evaluateNode(right, scope))
}

/** The value of an expression. @throws Error where Python has one, and for unsupported constructs, by name */
export function evaluateNode(node: Node, scope: Scope): JinjaValue {
  switch (node.type) {
    case 'StringLiteral':
      return node.value
    case 'IntegerLiteral':
      return BigInt(node.value)
    case 'FloatLiteral':
      return node.value
    case 'ArrayLiteral':
      return node.value.map((item) => evaluateNode(item, scope))
    case 'TupleLiteral':
      return new Tuple(node.value.map((item) => evaluateNode(item, scope)))
    case 'ObjectLiteral':
      return new Dict([...node.value].map(([key, value]) => [evaluateNode(key, scope), evaluateNode(value, scope)] as const))
    case 'Identifier':
      return CONSTANTS.has(node.value) ? CONSTANTS.get(node.value)! : scope.get(node.value)
    case 'CallExpression':
      return called(node, scope)
    case 'MemberExpression': {
      const object = evaluateNode(node.object, scope)
      const { property, computed } = node
      if (property.type === 'SliceExpression') {
        const [start, stop, step] = [property.start, property.stop, property.step].map((part) =>
          part === undefined ? null : evaluateNode(part, scope),
        )
        return sliceOf(object, [start!, stop!, step!])
      }
      return !computed && property.type === 'Identifier'
        ? attributeOf(object, property.value)
        : itemOf(object, evaluateNode(property, scope))
    }
    case 'UnaryExpression': {
      const value = evaluateNode(node.argument, scope)
      return node.operator.value === 'not' ? !isTruthy(value) : signed(node.operator.value, value)
    }
    case 'BinaryExpression':
      return binary(node, scope)
    case 'FilterExpression':
      return filtered(evaluateNode(node.operand, scope), node.filter, scope)
    case 'Ternary':
      return evaluateNode(isTruthy(evaluateNode(node.condition, scope)) ? node.trueExpr : node.falseExpr, scope)
    case 'SelectExpression':
      return isTruthy(evaluateNode(node.test, scope))
        ? evaluateNode(node.lhs, scope)
        : new Undefined('the inline if-expression evaluated to false and no else section was defined.')
    default:
      throw new Error(`a ${node.type} within an expression is not supported`)
  }
}
