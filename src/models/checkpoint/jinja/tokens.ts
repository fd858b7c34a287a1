import type { tokenize } from '@huggingface/jinja'
import { SPACE } from './text.js'

type LibraryToken = ReturnType<typeof tokenize>[number]
/** A token for the library's parser. `group` has the brackets around an operator. */
export type Token = LibraryToken & Readonly<{ group?: number }>

const PART = new RegExp(
  [
    `(?<space>[${SPACE}]+)`,
    '(?<float>(?<!\\.)\\d+(?:_\\d+)*(?:(?:\\.\\d+(?:_\\d+)*)?[eE][-+]?\\d+(?:_\\d+)*|\\.\\d+(?:_\\d+)*))',
    '(?<integer>0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[\\da-fA-F])+|[1-9](?:_?\\d)*|0(?:_?0)*)',
    '(?<name>[\\p{ID_Start}_]\\p{ID_Continue}*)',
    `(?<string>'(?:[^'\\\\]|\\\\.)*'|"(?:[^"\\\\]|\\\\.)*")`,
    '(?<sign>\\*\\*|//|[<>=!]=|[-+*/%~[\\](){}<>=.:|,])',
  ].join('|'),
  'suy',
)

const TYPES: Readonly<Record<string, LibraryToken['type']>> = {
  ...{ '(': 'OpenParen', ')': 'CloseParen', '[': 'OpenSquareBracket', ']': 'CloseSquareBracket' },
  ...{ '{': 'OpenCurlyBracket', '}': 'CloseCurlyBracket', ',': 'Comma', '.': 'Dot', ':': 'Colon', '|': 'Pipe', '=': 'Equals' },
  ...{ '+': 'AdditiveBinaryOperator', '-': 'AdditiveBinaryOperator', '~': 'AdditiveBinaryOperator' },
  ...{ '*': 'MultiplicativeBinaryOperator', '/': 'MultiplicativeBinaryOperator', '//': 'MultiplicativeBinaryOperator' },
  ...{ '%': 'MultiplicativeBinaryOperator', '**': 'ExponentiationBinaryOperator' },
}

const ESCAPE = /\\(?:\n|x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{1,3})|([xuUN])|(.))/gsu
const NAMED: Readonly<Record<string, string>> = {
  ...{ '\\': '\\', "'": "'", '"': '"', n: '\n', r: '\r', t: '\t', a: '\x07', b: '\b', f: '\f', v: '\v' },
}

/** The text of a string literal. Unknown escapes stay as they are, as in Python. */
function literal(quoted: string): string {
  return quoted
    .slice(1, -1)
    .replace(ESCAPE, (written, x?: string, u?: string, wide?: string, octal?: string, bad?: string, one?: string) => {
      if (bad !== undefined) throw new SyntaxError(`the escape \`${written}\` in ${quoted} is not supported`)
      const hex = x ?? u ?? wide
      if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16))
      if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8))
      return one === undefined ? '' : (NAMED[one] ?? written)
    })
}

/** The library reads numbers with a point as floats. */
const floatToken = (written: string): string => {
  const number = Number(written.replaceAll('_', ''))
  return Number.isInteger(number) ? `${number}.0` : `${number}`.includes('.') ? `${number}` : `${number}`.replace('e', '.0e')
}

function integerToken(written: string): string {
  const number = Number(written.replaceAll('_', ''))
  if (!Number.isSafeInteger(number)) throw new SyntaxError(`the number ${written} is too large`)
  return String(number)
}

/**
 * Splits an expression or statement into tokens. A test becomes a filter with the name `is NAME`, which binds as tightly and may have
 * arguments. `not in` becomes one operator. The library's parser supports neither.
 *
 * @throws SyntaxError for an unexpected character
 */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  const open = [0]
  let [groups, at] = [0, 0]
  while (at < text.length) {
    PART.lastIndex = at
    const match = PART.exec(text)
    if (!match) throw new SyntaxError(`unexpected character ${JSON.stringify(text[at])}`)
    at += match[0].length
    const { float, integer, name, string, sign } = match.groups ?? {}
    const group = open.at(-1)!
    if (float !== undefined) tokens.push({ type: 'NumericLiteral', value: floatToken(float) })
    else if (integer !== undefined) tokens.push({ type: 'NumericLiteral', value: integerToken(integer) })
    else if (name !== undefined) tokens.push({ type: 'Identifier', value: name.normalize('NFKC'), group })
    else if (string !== undefined) tokens.push({ type: 'StringLiteral', value: literal(string) })
    else if (sign !== undefined) {
      if ('([{'.includes(sign)) open.push(++groups)
      else if (')]}'.includes(sign)) open.pop()
      tokens.push({ type: TYPES[sign] ?? 'ComparisonBinaryOperator', value: sign, group })
    }
  }
  return testsAsFilters(tokens)
}

const is = (token: Token | undefined, ...names: string[]): boolean => token?.type === 'Identifier' && names.includes(token.value)
const BRACKETS: Readonly<Record<string, number>> = {
  ...{ OpenParen: 1, OpenSquareBracket: 1, OpenCurlyBracket: 1, CloseParen: -1, CloseSquareBracket: -1, CloseCurlyBracket: -1 },
}

/** The index after the bracket that closes the one at `start`. */
function behindBracket(tokens: readonly Token[], start: number): number {
  let depth = 0
  for (let at = start; at < tokens.length; at++) {
    depth += BRACKETS[tokens[at]!.type] ?? 0
    if (depth === 0) return at + 1
  }
  throw new SyntaxError(`\`${tokens[start]?.value}\` is not closed`)
}

/** The index after an argument without brackets: a literal or a name, with its attributes, items and calls. */
function behindPrimary(tokens: readonly Token[], start: number): number {
  const opens = (at: number) => BRACKETS[tokens[at]?.type ?? ''] === 1
  let at = opens(start) ? behindBracket(tokens, start) : start + 1
  while (tokens[start]?.type === 'StringLiteral' && tokens[at]?.type === 'StringLiteral') at++
  while (tokens[at]?.type === 'Dot' || (opens(at) && tokens[at]?.type !== 'OpenCurlyBracket'))
    at = tokens[at]?.type === 'Dot' ? at + 2 : behindBracket(tokens, at)
  return at
}

function testsAsFilters(tokens: readonly Token[]): Token[] {
  const made: Token[] = []
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at]!
    if (is(token, 'not') && is(tokens[at + 1], 'in')) {
      made.push({ type: 'ComparisonBinaryOperator', value: 'not in', group: token.group })
      at++
      continue
    }
    const isNegated = is(tokens[at + 1], 'not')
    const place = at + (isNegated ? 2 : 1)
    if (!is(token, 'is') || tokens[at - 1]?.type === 'Dot' || tokens[place]?.type !== 'Identifier') {
      made.push(token)
      continue
    }
    made.push(
      { type: 'Pipe', value: '|' },
      { type: 'Identifier', value: `${isNegated ? 'is not' : 'is'} ${tokens[place].value}` },
    )
    const begin = place + 1
    const { args, end } = testArguments(tokens, begin)
    if (end > begin) made.push({ type: 'OpenParen', value: '(' }, ...testsAsFilters(args), { type: 'CloseParen', value: ')' })
    at = end - 1
  }
  return made
}

/** The arguments of a test: a list in brackets, or one without. */
function testArguments(tokens: readonly Token[], begin: number): Readonly<{ args: readonly Token[]; end: number }> {
  const type = tokens[begin]?.type ?? ''
  if (type === 'OpenParen') {
    const end = behindBracket(tokens, begin)
    return { args: tokens.slice(begin + 1, end - 1), end }
  }
  const isLiteral = BRACKETS[type] === 1 || type === 'StringLiteral' || type === 'NumericLiteral'
  const isName = type === 'Identifier' && !is(tokens[begin], 'else', 'or', 'and', 'if', 'not', 'in', 'is', 'recursive')
  const end = isLiteral || isName ? behindPrimary(tokens, begin) : begin
  return { args: tokens.slice(begin, end), end }
}
