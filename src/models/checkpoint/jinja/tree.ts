import { parse } from '@huggingface/jinja'
import { sections } from './sections.js'
import { type Token, tokensOf } from './tokens.js'

type Named<T extends string, Fields> = Readonly<{ type: T } & Fields>

/** The library's syntax tree of a template. */
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

/** transformers' block around the assistant's text. It renders its content. */
export const GENERATION = 'generation'

const BLOCKS: Readonly<Record<string, Token[]>> = {
  generation: [
    { type: 'Identifier', value: 'filter' },
    { type: 'Identifier', value: GENERATION },
  ],
  endgeneration: [{ type: 'Identifier', value: 'endfilter' }],
}

/** The library's parser does not tell where it stopped. */
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

const excerptOf = (text: string): string => {
  const one = text.trim().replace(/\s+/g, ' ')
  return one.length > 60 ? `${one.slice(0, 60)}…` : one
}

/**
 * Parses a template's source.
 *
 * @throws SyntaxError with the construct that cannot be parsed and its line
 */
export function parseTemplate(source: string): readonly Node[] {
  const tokens: Token[] = []
  const places: string[] = []
  for (const { kind, text, line } of sections(source)) {
    const [open, close] = kind === 'statement' ? (['{%', '%}'] as const) : (['{{', '}}'] as const)
    const place = `line ${line}: \`${open} ${excerptOf(text)} ${close}\``
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
    throw new SyntaxError(`${place} is not supported, or its end is missing or wrong`)
  }
}
