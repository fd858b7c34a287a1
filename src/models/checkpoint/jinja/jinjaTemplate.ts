import { globals } from './library/globals.js'
import { renderNodes } from './renderNodes.js'
import { Scope } from './Scope.js'
import { toValue } from './toValue.js'
import { parseTemplate } from './tree.js'

export type JinjaHooks = Readonly<{
  /** What `strftime_now(format)` gives. */
  tell: (format: string) => string
  /** What `raise_exception(reason)` does. */
  refuse: (reason: string) => never
}>

/**
 * A template of Jinja as a function of its variables, with the values and rules of Python: the environment of transformers
 * (`trim_blocks`, `lstrip_blocks`, `break` and `continue`, its `tojson`). The library parses; what its own interpreter makes of a
 * template differs in too many places to be mended one by one. What is not supported is an error that names it.
 *
 * @throws SyntaxError for a template that cannot be parsed, Error (from the function) as Python would
 * @see transformers 5 utils/chat_template_utils.py `_compile_jinja_template`
 */
export function jinjaTemplate(source: string): (variables: Readonly<Record<string, unknown>>, hooks: JinjaHooks) => string {
  const nodes = parseTemplate(source)
  return (variables, { tell, refuse }) => {
    const around = new Scope(undefined, globals(tell, refuse))
    const given = Object.entries(variables).map(([name, value]) => [name, toValue(value)] as const)
    return renderNodes(nodes, new Scope(new Scope(around, given)))
  }
}
