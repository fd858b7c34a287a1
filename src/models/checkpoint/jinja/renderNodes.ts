import { argumentsOf, evaluateNode, filtered } from './evaluateNode.js'
import { loopsOf } from './loops.js'
import { macro } from './macro.js'
import { Scope } from './Scope.js'
import { str } from './text.js'
import { GENERATION, type Node } from './tree.js'
import { Func, isTruthy, iterate, type JinjaValue, Namespace, typeName, Undefined } from './values.js'

type Output = { text: string }
/** How the body of a loop ends early: `break` ends the loop, `continue` the iteration. */
type Leaving = 'Break' | 'Continue' | undefined

/** The text of the nodes in a block of their own. */
export function renderNodes(nodes: readonly Node[], scope: Scope): string {
  const out: Output = { text: '' }
  if (runAll(nodes, scope, out))
    throw new SyntaxError('`break` or `continue` outside of a loop, or in a nested block such as a macro, is not supported')
  return out.text
}

function runAll(nodes: readonly Node[], scope: Scope, out: Output): Leaving {
  for (const node of nodes) {
    const leaving = run(node, scope, out)
    if (leaving) return leaving
  }
  return undefined
}

/** Assigns to a name, several names, or an attribute of a namespace. */
function assign(target: Node, value: JinjaValue, scope: Scope): void {
  if (target.type === 'Identifier') scope.set(target.value, value)
  else if (target.type === 'TupleLiteral') {
    const values = [...iterate(value)]
    const { length } = target.value
    if (values.length < length) throw new RangeError(`not enough values to unpack (expected ${length}, got ${values.length})`)
    if (values.length > length) throw new RangeError(`too many values to unpack (expected ${length})`)
    for (const [index, inner] of target.value.entries()) assign(inner, values[index]!, scope)
  } else if (target.type === 'MemberExpression' && !target.computed && target.property.type === 'Identifier') {
    const object = evaluateNode(target.object, scope)
    if (!(object instanceof Namespace)) throw new TypeError('cannot assign attribute on non-namespace object')
    const name = target.property.value
    if (name.startsWith('_'))
      throw new Error(`Chat templates cannot store underscore-prefixed attributes on a namespace, but got '${name}'`)
    object.values.set(name, value)
  } else throw new Error('`set` supports only names and attributes of a namespace')
}

function loop(node: Extract<Node, { type: 'For' }>, scope: Scope, out: Output): Leaving {
  const { loopvar, iterable, body, defaultBlock } = node
  const [source, test] = iterable.type === 'SelectExpression' ? [iterable.lhs, iterable.test] : [iterable, undefined]
  const inScope = (item: JinjaValue): Scope => {
    const inner = new Scope(scope)
    assign(loopvar, item, inner)
    return inner
  }
  const all = [...iterate(evaluateNode(source, scope))]
  const items = test ? all.filter((item) => isTruthy(evaluateNode(test, inScope(item)))) : all
  const loopAt = loopsOf(items)
  for (const [index, item] of items.entries()) {
    const inner = inScope(item)
    inner.set('loop', loopAt(index))
    if (runAll(body, inner, out) === 'Break') break
  }
  return items.length === 0 ? runAll(defaultBlock, new Scope(scope), out) : undefined
}

function callBlock({ call, callerArgs, body }: Extract<Node, { type: 'CallStatement' }>, scope: Scope): string {
  const target = evaluateNode(call.callee, scope)
  const { args, kwargs } = argumentsOf(call.args, scope)
  if (!(target instanceof Func))
    throw new TypeError(target instanceof Undefined ? target.reason : `'${typeName(target)}' object is not callable`)
  const caller = macro('caller', callerArgs ?? [], body, scope, renderNodes)
  return str(target.call(args, new Map([...kwargs, ['caller', caller]])))
}

/** Runs a statement, or renders an expression. */
function run(node: Node, scope: Scope, out: Output): Leaving {
  switch (node.type) {
    case 'If':
      return runAll(isTruthy(evaluateNode(node.test, scope)) ? node.body : node.alternate, scope, out)
    case 'For':
      return loop(node, scope, out)
    case 'Set':
      if (node.value) assign(node.assignee, evaluateNode(node.value, scope), scope)
      else assign(node.assignee, renderNodes(node.body, new Scope(scope)), scope)
      return undefined
    case 'Macro':
      scope.set(node.name.value, macro(node.name.value, node.args, node.body, scope, renderNodes))
      return undefined
    case 'CallStatement':
      out.text += callBlock(node, scope)
      return undefined
    case 'FilterStatement': {
      const text = renderNodes(node.body, new Scope(scope))
      const isGeneration = node.filter.type === 'Identifier' && node.filter.value === GENERATION
      out.text += isGeneration ? text : str(filtered(text, node.filter, scope))
      return undefined
    }
    case 'Break':
    case 'Continue':
      return node.type
    default:
      out.text += str(evaluateNode(node, scope))
      return undefined
  }
}
