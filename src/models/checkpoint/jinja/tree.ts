import { parse } from '@huggingface/jinja'
import { sections } from './sections.js'
import { type Token, tokensOf } from './tokens.js'

type Named<T extends string, Fields> = Readonly<{ type: T } & Fields>

/** What the library's parser makes of a template. */
export type Node =
  | Named<'If', { test: Node; body: readonly Node[]; alternate: readonly Node[] }>
  | Named<'For', { loopvar: Node; iterable: Node; body: readonly Node[]; defaultBlock: readonly Node[] }>
  | Named<'Set', { assignee: Node; value: Node | null; body: readonly Node[] }>
  | Named<'Macro', { name: Identifier; args: readonly Node[]; body: readonly Node[] }>
  | Named<'CallStatement', { call: Call; callerArgs: readonly Node[] | null; body: readonly Node[] }>
  | Named<'FilterStatement', { filter: Identifier | Call; body: readonly Node[] }>
  | Named<'Break' | 'Continue', object>
  | Named<'IntegerLiteral' | 'FloatLiteral', { value: number }>
  | Named<'StringLiteral', { value: string }>
  | Named<'ArrayLiteral' | 'TupleLiteral', { value: readonly Node[] }>
  | Named<'ObjectLiteral', { value: ReadonlyMap<Node, Node> }>
  | Named<'MemberExpression', { object: Node; property: Node; computed: boolean }>
  | Named<'SliceExpression', { start?: Node; stop?: Node; step?: Node }>
  | Named<'BinaryExpression', { operator: Token; left: Node; right: Node }>
  | Named<'UnaryExpression', { operator: Token; argument: Node }>
  | Named<'FilterExpression', { operand: Node; filter: Identifier | Call }>
  | Named<'SelectExpression', { lhs: Node; test: Node }>
  | Named<'Ternary', { condition: Node; trueExpr: Node; falseExpr: Node }>
  | Named<'KeywordArgumentExpression', { key: Identifier; value: Node }>
  | Named<'SpreadExpression' | 'KeywordSpreadExpression', { argument: Node }>
  | Identifier
  | Call

export type Identifier = Named<'Identifier', { value: string }>
export type Call = Named<'CallExpression', { callee: Node; args: readonly Node[] }>

/** A block of transformers: what the assistant said. It renders as it is. */
export const GENERATION = 'generation'

const BLOCKS: Readonly<Record<string, Token[]>> = {
  generation: [
    { type: 'Identifier', value: 'filter' },
    { type: 'Identifier', value: GENERATION },
  ],
  endgeneration: [{ type: 'Identifier', value: 'endfilter' }],
}

/** The library's parser says neither where it stopped nor at what. */
function watched<T>(items: readonly T[]): { items: T[]; furthest: () => number } {
  let furthest = 0
  const proxy = new Proxy([...items], {
    get(target, key, receiver) {
      const at = typeof key === 'string' ? Number(key) : Number.NaN
      if (Number.isInteger(at) && at < target.length) furthest = Math.max(furthest, at)
      return Reflect.get(target, key, receiver) as unknown
    },
  })
  return { items: proxy, furthest: () => furthest }
}

const shown = (text: string): string => {
  const one = text.trim().replace(/\s+/g, ' ')
  return one.length > 60 ? `${one.slice(0, 60)}…` : one
}

/**
 * Parses a template's source.
 *
 * @throws SyntaxError that names the construct which cannot be read, and its line
 */
export function parseTemplate(source: string): readonly Node[] {
  const tokens: Token[] = []
  const places: string[] = []
  for (const { kind, text, line } of sections(source)) {
    const [open, close] = kind === 'statement' ? (['{%', '%}'] as const) : (['{{', '}}'] as const)
    const place = `line ${line}: \`${open} ${shown(text)} ${close}\``
    const add = (...more: Token[]) => {
      for (const token of more) {
        tokens.push(token)
        places.push(place)
      }
    }
    if (kind === 'text') add({ type: 'Text', value: text })
    else {
      try {
        const inner = tokensOf(text)
        if (inner.length === 0) throw new SyntaxError('it is empty')
        const block = kind === 'statement' && inner.length === 1 ? BLOCKS[inner[0]!.value] : undefined
        const isExpression = kind === 'expression'
        add({ type: isExpression ? 'OpenExpression' : 'OpenStatement', value: open }, ...(block ?? inner))
        add({ type: isExpression ? 'CloseExpression' : 'CloseStatement', value: close })
      } catch (error) {
        throw new SyntaxError(`${place}: ${(error as Error).message}`)
      }
    }
  }
  const { items, furthest } = watched(tokens)
  try {
    return (parse(items) as unknown as { body: readonly Node[] }).body
  } catch (error) {
    if (error instanceof RangeError) throw error
    const place = places[furthest()] ?? 'the whole template'
    throw new SyntaxError(`${place} is not supported, or is closed by the wrong block or by none`)
  }
}
