import { evaluateNode } from './evaluateNode.js'
import { Scope } from './Scope.js'
import type { Node } from './tree.js'
import { Dict, Func, type JinjaValue, Tuple, Undefined, valueOr } from './values.js'

type Parameter = Readonly<{ name: string; byDefault?: Node }>

function parameterOf(node: Node): Parameter {
  if (node.type === 'Identifier') return { name: node.value }
  if (node.type === 'KeywordArgumentExpression') return { name: node.key.value, byDefault: node.value }
  throw new Error('a parameter of a macro must be a name with an optional default; other forms are not supported')
}

/** All names in a tree. */
function namesIn(value: unknown, found = new Set<string>()): Set<string> {
  if (value instanceof Map || Array.isArray(value))
    for (const inner of value instanceof Map ? [...value].flat() : value) namesIn(inner, found)
  else if (typeof value === 'object' && value !== null) {
    if ('type' in value && value.type === 'Identifier' && 'value' in value) found.add(String(value.value))
    for (const inner of Object.values(value)) namesIn(inner, found)
  }
  return found
}

/**
 * A macro, or the body of a `call` block, as a function. Extra arguments go to `varargs` and `kwargs` if the body uses them.
 *
 * @param render renders the body
 */
export function macro(
  name: string,
  nodes: readonly Node[],
  body: readonly Node[],
  around: Scope,
  render: (body: readonly Node[], scope: Scope) => string,
): Func {
  const parameters = nodes.map(parameterOf)
  const used = namesIn(body)
  return new Func(name, (args, kwargs) => {
    const scope = new Scope(around)
    const left = new Map(kwargs)
    const values = parameters.map((parameter, index): JinjaValue | undefined => {
      if (index < args.length) return args[index]
      const value = left.get(parameter.name)
      left.delete(parameter.name)
      return value
    })
    const caller = left.get('caller')
    if (used.has('caller')) left.delete('caller')
    if (used.has('caller')) scope.set('caller', valueOr(caller, new Undefined('No caller defined')))
    const more = args.slice(parameters.length)
    if (used.has('kwargs')) scope.set('kwargs', new Dict(left))
    else if (left.size > 0) throw new TypeError(`macro '${name}' takes no keyword argument '${[...left.keys()][0]}'`)
    if (used.has('varargs')) scope.set('varargs', new Tuple(more))
    else if (more.length > 0) throw new TypeError(`macro '${name}' takes not more than ${parameters.length} argument(s)`)
    for (const [index, parameter] of parameters.entries())
      scope.set(parameter.name, valueOr(values[index], new Undefined(`parameter '${parameter.name}' was not provided`)))
    for (const [index, { name: own, byDefault }] of parameters.entries())
      if (values[index] === undefined && byDefault) scope.set(own, evaluateNode(byDefault, scope))
    return render(body, scope)
  })
}
