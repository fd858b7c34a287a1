import { OptionError } from '../core/errors.js'
import { stringifyExactly } from './exactJson.js'

type Cells = Readonly<Record<string, unknown>>
/** A value of a row; undefined where SQL has "unknown". */
type Value = (row: Cells) => unknown

/** A condition on rows, and the columns that it reads. */
export type Where = Readonly<{ columns: readonly string[]; matches: (row: Cells) => boolean }>

const TOKEN =
  /\s*(?:(\d+(?:\.\d+)?(?:e[+-]?\d+)?|-\d+(?:\.\d+)?(?:e[+-]?\d+)?)|'((?:[^']|'')*)'|([A-Za-z_][\w-]*)|"((?:[^"]|"")+)"|(<=|>=|<>|!=|[=<>(),]))/iy

type Token = Readonly<{ at: number; kind: 'number' | 'text' | 'word' | 'column' | 'sign'; text: string }>

function tokensOf(source: string): Token[] {
  const tokens: Token[] = []
  for (let at = 0; source.slice(at).trim() !== ''; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at
    const match = TOKEN.exec(source)
    if (match === null) throw wrong(source, at + source.slice(at).search(/\S/), 'a column, a value or an operator')
    const [whole, number, text, word, column, sign] = match
    const start = at + (whole.length - whole.trimStart().length)
    const kinds = { number, text: text?.replaceAll("''", "'"), word, column: column?.replaceAll('""', '"'), sign }
    const [kind, found] = Object.entries(kinds).find(([, value]) => value !== undefined)!
    tokens.push({ at: start, kind: kind as Token['kind'], text: found! })
  }
  return tokens
}

const wrong = (source: string, at: number, expected: string): OptionError =>
  new OptionError(
    `Expected ${expected} at character ${at + 1} of \`--where\`, got ${at >= source.length ? 'its end' : `\`${source.slice(at, at + 20)}\``}`,
  )

const comparisons: Readonly<Record<string, (order: number) => boolean>> = {
  '=': (order) => order === 0,
  '!=': (order) => order !== 0,
  '<>': (order) => order !== 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
}

const unfit = (expected: string, value: unknown): OptionError =>
  new OptionError(`Expected ${expected} in \`--where\`, got ${stringifyExactly(value).slice(0, 40)}`)

/**
 * The order of two values; undefined if one is null.
 *
 * @throws OptionError unless both are numbers or both are texts
 */
function orderOf(left: unknown, right: unknown): number | undefined {
  if (left === undefined || right === undefined) return undefined
  const [a, b] = [left, right].map((value) => (value instanceof Date ? value.toJSON() : value))
  const isNumber = (value: unknown): value is number | bigint => typeof value === 'number' || typeof value === 'bigint'
  if (!(isNumber(a) && isNumber(b)) && !(typeof a === 'string' && typeof b === 'string'))
    throw unfit('two numbers or two texts to compare', [a, b])
  return a < b ? -1 : a > b ? 1 : 0
}

/** Digits beyond those of a double are kept. */
function numberOf(text: string): number | bigint {
  const number = Number(text)
  return /^-?\d+$/.test(text) && !Number.isSafeInteger(number) ? BigInt(text) : number
}

/** `%` stands for any text and `_` for one character, as in SQL. */
function likePattern(pattern: string): RegExp {
  const parts = pattern
    .replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
    .replace(/%+/g, '.*')
    .replaceAll('_', '.')
  return new RegExp(`^${parts}$`, 'su')
}

const lengthOf = (value: unknown): unknown => {
  if (typeof value === 'string') return [...value].length
  if (Array.isArray(value)) return value.length
  if (value === undefined) return undefined
  throw unfit('a text or a list for `length`', value)
}

/**
 * Reads a condition in a part of SQL: `reward > 0.5 and (error is null or completion like '%bread%')`. There are `=`, `!=`, `<>`, `<`, `<=`, `>`,
 * `>=`, `like`, `in (…)`, `is null`, `not`, `and`, `or`, parentheses and `length(column)`. A comparison with null is unknown, as in SQL, and
 * keeps no row. Times compare as ISO 8601 text.
 *
 * @throws OptionError that says where the condition is wrong; from `matches` for a value that cannot be compared, such as a text with a number
 */
export function parseWhere(source: string): Where {
  const tokens = tokensOf(source)
  const columns = new Set<string>()
  let next = 0
  const fail = (expected: string): never => {
    throw wrong(source, tokens[next]?.at ?? source.length, expected)
  }
  const take = (kind: Token['kind'], text: string): boolean => {
    const token = tokens[next]
    const isIt = token?.kind === kind && token.text.toLowerCase() === text
    if (isIt) next++
    return isIt
  }
  const expectSign = (sign: string): void => {
    if (!take('sign', sign)) fail(`\`${sign}\``)
  }
  const literal = (): unknown => {
    const token = tokens[next]
    if (token?.kind !== 'number' && token?.kind !== 'text') return fail("a number or a text in '…'")
    next++
    return token.kind === 'number' ? numberOf(token.text) : token.text
  }
  const column = (): Value => {
    const token = tokens[next]
    if (token?.kind !== 'word' && token?.kind !== 'column') return fail('a column')
    next++
    columns.add(token.text)
    return (row) => row[token.text] ?? undefined
  }
  const value = (): Value => {
    const token = tokens[next]
    if (token?.kind === 'number' || token?.kind === 'text') {
      const constant = literal()
      return () => constant
    }
    const isLength = token?.kind === 'word' && token.text.toLowerCase() === 'length' && tokens[next + 1]?.text === '('
    if (!isLength) return column()
    next += 2
    const inner = column()
    expectSign(')')
    return (row) => lengthOf(inner(row))
  }
  /** Comparisons return true, false, or undefined for unknown. */
  const comparison = (): Value => {
    const left = value()
    if (take('word', 'is')) {
      const isNot = take('word', 'not')
      if (!take('word', 'null')) fail('`null`')
      return (row) => (left(row) === undefined) !== isNot
    }
    const isNot = take('word', 'not')
    if (take('word', 'like')) {
      const token = tokens[next]
      if (token?.kind !== 'text') return fail("a pattern in '…'")
      next++
      const pattern = likePattern(token.text)
      return negatedIf(isNot, (row) => {
        const text = left(row)
        if (text !== undefined && typeof text !== 'string') throw unfit('a text for `like`', text)
        return text === undefined ? undefined : pattern.test(text)
      })
    }
    if (take('word', 'in')) {
      expectSign('(')
      const items = [literal()]
      while (take('sign', ',')) items.push(literal())
      expectSign(')')
      return negatedIf(isNot, (row) => {
        const one = left(row)
        return one === undefined ? undefined : items.some((item) => orderOf(one, item) === 0)
      })
    }
    const token = tokens[next]
    const holds = !isNot && token?.kind === 'sign' ? comparisons[token.text] : undefined
    if (holds === undefined) return fail(isNot ? '`like` or `in`' : 'a comparison (=, !=, <, <=, >, >=, like, in, is null)')
    next++
    const right = value()
    return (row) => {
      const order = orderOf(left(row), right(row))
      return order === undefined ? undefined : holds(order)
    }
  }
  const factor = (): Value => {
    if (take('word', 'not')) return negatedIf(true, factor())
    if (!take('sign', '(')) return comparison()
    const inner = either()
    expectSign(')')
    return inner
  }
  const both = (): Value => {
    let left = factor()
    while (take('word', 'and')) {
      const [a, b] = [left, factor()]
      left = (row) => {
        const one = a(row)
        if (one === false) return false
        const other = b(row)
        return other === false ? false : one === true && other === true ? true : undefined
      }
    }
    return left
  }
  const either = (): Value => {
    let left = both()
    while (take('word', 'or')) {
      const [a, b] = [left, both()]
      left = (row) => a(row) === true || b(row) === true || (a(row) === false && b(row) === false ? false : undefined)
    }
    return left
  }
  const condition = either()
  if (next < tokens.length) fail('`and`, `or` or the end')
  return { columns: [...columns], matches: (row) => condition(row) === true }
}

const negatedIf =
  (isNegated: boolean, of: Value): Value =>
  (row) => {
    const result = of(row)
    return result === undefined ? undefined : (result === true) !== isNegated
  }
