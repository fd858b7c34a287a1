import { globals } from './library/globals.js'
import { renderNodes } from './renderNodes.js'
import { Scope } from './Scope.js'
import { toValue } from './toValue.js'
import { parseTemplate } from './tree.js'

export type JinjaHooks = Readonly<{
  /** The result of `strftime_now(format)`. */
  tell: (format: string) => string
  /** The action of `raise_exception(reason)`. */
  refuse: (reason: string) => never
}>

/**
 * A Jinja template as a function of its variables, with Python's values and rules and transformers' environment (`trim_blocks`,
 * `lstrip_blocks`, `break` and `continue`, its own `tojson`). The library only parses: its interpreter differs from Python's in too many
 * places. Unsupported constructs are errors that name them.
 *
 * @throws SyntaxError for a template that cannot be parsed; Error (from the function) where Python has one
 * @see transformers 5 utils/chat_template_utils.py `_compile_jinja_template`
 */
export function jinjaTemplate(source: string): (variables: Readonly<Record<string, unknown>>, hooks: JinjaHooks) => string {
  const nodes = parseTemplate(source)
  return (variables, { tell, refuse }) => {
    const around = new Scope(undefined, globals(tell, refuse))
    const own = Object.entries(variables).map(([name, value]) => [name, toValue(value)] as const)
    return renderNodes(nodes, new Scope(new Scope(around, own)))
  }
}
