type Node = { type: string } & Record<string, unknown>

/** Names of the methods, and at which ends they take something off. */
const METHODS: Readonly<Record<string, 'left' | 'right' | 'both'>> = {
  strip: 'both',
  lstrip: 'left',
  rstrip: 'right',
  trim: 'both',
}

/** What Python calls white space in `str.strip()`: with U+001C to U+001F and U+0085, without U+FEFF. */
const SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000'

const escaped = (characters: string): string => characters.replace(/[\\\]^-]/g, '\\$&')

function stripped(text: unknown, characters: unknown, ends: 'left' | 'right' | 'both'): string {
  const all = typeof characters === 'string' ? escaped(characters) : SPACE
  const whole = text === null ? 'None' : String(text ?? '')
  if (all === '') return whole
  const patterns = [ends === 'right' ? [] : `^[${all}]+`, ends === 'left' ? [] : `[${all}]+$`].flat()
  return whole.replace(new RegExp(patterns.join('|'), 'gu'), '')
}

const nameOf = (method: string): string => `python ${method}`

/** Functions that a template with rewritten methods calls, by name. */
export const stripFunctions: ReadonlyMap<string, (text: unknown, characters?: unknown) => string> = new Map(
  Object.entries(METHODS).map(([method, ends]) => [nameOf(method), (text, characters) => stripped(text, characters, ends)]),
)

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
const identifierOf = (value: unknown): string | undefined =>
  isNode(value) && value.type === 'Identifier' && Object.hasOwn(METHODS, String(value.value)) ? String(value.value) : undefined

/** The method that a node calls, on what, and with which arguments. */
function callOf(node: Node): { method: string; text: unknown; args: unknown[] } | undefined {
  const { type, callee, args, operand, filter } = node
  if (type === 'CallExpression' && isNode(callee) && callee.type === 'MemberExpression' && !callee.computed) {
    const method = identifierOf(callee.property)
    if (method !== undefined && method !== 'trim') return { method, text: callee.object, args: args as unknown[] }
  }
  if (type === 'FilterExpression') {
    const called = isNode(filter) && filter.type === 'CallExpression' ? filter : undefined
    const method = identifierOf(called?.callee ?? filter)
    if (method === 'trim') return { method, text: operand, args: (called?.args ?? []) as unknown[] }
  }
  return undefined
}

/**
 * Makes a parsed template strip text as Python does, in place: the library's `strip`, `lstrip`, `rstrip` and `trim` take off what
 * JavaScript calls white space, whichever characters they are given.
 */
export function pythonStrips(value: unknown): void {
  if (Array.isArray(value)) for (const inner of value) pythonStrips(inner)
  if (!isNode(value)) return
  for (const inner of Object.values(value)) pythonStrips(inner)
  const call = callOf(value)
  if (!call) return
  const { method, text, args } = call
  for (const key of Object.keys(value)) delete (value as Record<string, unknown>)[key]
  Object.assign(value, { type: 'CallExpression', callee: { type: 'Identifier', value: nameOf(method) }, args: [text, ...args] })
}
