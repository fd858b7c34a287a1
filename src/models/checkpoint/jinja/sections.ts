import { SPACE, strip } from './text.js'

/** A part of a template's source: text, or the code in `{{ }}` or `{% %}`. `line` is its first line, counted from 1. */
export type Section = Readonly<{ kind: 'text' | 'expression' | 'statement'; text: string; line: number }>

const BEGIN = /\{[%{#]/g
const BEGIN_RAW = new RegExp(`\\{%[-+]?[${SPACE}]*raw[${SPACE}]*(-?)%\\}`, 'uy')
const END_RAW = new RegExp(`\\{%([-+]?)[${SPACE}]*endraw[${SPACE}]*(?:\\+%\\}|-%\\}[${SPACE}]*|%\\}\\n?)`, 'gu')
const END_COMMENT = new RegExp(`\\+#\\}|-#\\}[${SPACE}]*|#\\}\\n?`, 'gu')
const END_STATEMENT = new RegExp(`\\+%\\}|-%\\}[${SPACE}]*|%\\}\\n?`, 'uy')
const END_EXPRESSION = new RegExp(`-\\}\\}[${SPACE}]*|\\}\\}`, 'uy')
const SPACES = new RegExp(`[${SPACE}]*`, 'uy')
const STRING = /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/suy

const closing: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' }

const matchAt = (pattern: RegExp, text: string, at: number): RegExpExecArray | null => {
  pattern.lastIndex = at
  return pattern.exec(text)
}

/** The end of the code that begins at `start`, outside of strings and brackets. */
function endOf(source: string, start: number, pattern: RegExp): RegExpExecArray | undefined {
  const open: string[] = []
  for (let at = start; at < source.length; at++) {
    const end = open.length === 0 ? matchAt(pattern, source, at) : null
    if (end) return end
    const character = source[at]!
    if (character === "'" || character === '"') at += (matchAt(STRING, source, at)?.[0].length ?? 1) - 1
    else if (closing[character]) open.push(closing[character])
    else if (character === open.at(-1)) open.pop()
  }
  return undefined
}

/** The text before a block: `-` removes all white space at its end; otherwise only the indent of the line goes. */
function before(text: string, sign: string, isIndentKept: boolean, startsLine: boolean): string {
  if (sign === '-') return strip(text, null, 'right')
  if (sign === '+' || isIndentKept) return text
  const lineStart = text.lastIndexOf('\n') + 1
  const isIndent = (lineStart > 0 || startsLine) && strip(text.slice(lineStart), null, 'both') === ''
  return isIndent ? text.slice(0, lineStart) : text
}

/**
 * Splits a template's source into parts, and removes white space at blocks as Jinja does with `trim_blocks` and `lstrip_blocks`. Comments
 * are dropped. The content between `raw` and `endraw` is text.
 *
 * @throws SyntaxError for a block without an end
 */
export function sections(template: string): Section[] {
  // Jinja turns each kind of line end into a newline, and removes the last one.
  const source = template.replace(/\r\n?/g, '\n').replace(/\n$/, '')
  const found: Section[] = []
  let at = 0
  const startsLine = () => at === 0 || source[at - 1] === '\n'
  const lineOf = (position: number) => source.slice(0, position).split('\n').length
  const add = (kind: Section['kind'], text: string, position: number) => {
    if (kind !== 'text' || text !== '') found.push({ kind, text, line: lineOf(position) })
  }
  while (at < source.length) {
    BEGIN.lastIndex = at
    const begin = BEGIN.exec(source)
    if (!begin) {
      add('text', source.slice(at), at)
      break
    }
    const [open] = begin
    const unclosed = new SyntaxError(`line ${lineOf(begin.index)}: \`${open}\` has no end`)
    const sign = /[-+]/.test(source[begin.index + 2] ?? '') ? source[begin.index + 2]! : ''
    add('text', before(source.slice(at, begin.index), sign, open === '{{', startsLine()), at)
    const start = begin.index + 2 + sign.length
    const raw = open === '{%' ? matchAt(BEGIN_RAW, source, begin.index) : null
    if (raw) {
      at = begin.index + raw[0].length
      if (raw[1] === '-') at += matchAt(SPACES, source, at)![0].length
      const end = matchAt(END_RAW, source, at)
      if (!end) throw unclosed
      add('text', before(source.slice(at, end.index), end[1]!, false, startsLine()), at)
      at = end.index + end[0].length
      continue
    }
    const end =
      open === '{#' ? matchAt(END_COMMENT, source, start) : endOf(source, start, open === '{{' ? END_EXPRESSION : END_STATEMENT)
    if (!end) throw unclosed
    if (open !== '{#') add(open === '{{' ? 'expression' : 'statement', source.slice(start, end.index), begin.index)
    at = end.index + end[0].length
  }
  return found
}
