import { type AST, RegExpParser } from '@eslint-community/regexpp'
import { RE2JS } from 're2js'
import { messageOf, OptionError } from '../../src/core/errors.js'

/** A regular expression whose search takes linear time, whatever the pattern. */
export type LinearRegex = Readonly<{ test: (text: string) => boolean; count: (text: string) => number }>

/** `d` and `g` have no effect here; `u` is always on. */
const FLAGS = 'dgimsuv'
const parser = new RegExpParser({ ecmaVersion: 2024 })

type Flags = Readonly<{ sets: string; ignoreCase: boolean; multiline: boolean; v: boolean }>

/**
 * Compiles a JavaScript pattern for RE2's engine. JavaScript's own engine backtracks, and a pattern such as `(a+)+$` can take it years.
 *
 * Every pattern is read with the flag `u`, so a character is a code point. With `m`, lines end only at `\n`. `\b` knows only ASCII words.
 * For lazy repetitions that may be empty, such as `(a*?)*`, the number of matches may differ from JavaScript's.
 *
 * @throws OptionError for an invalid pattern, and for what linear engines lack: lookaheads, backreferences, strings in a class, and more
 *   than 1,000 repetitions; the message names it
 */
export function linearRegex(pattern: string, flags: string): LinearRegex {
  const unknown = Array.from(flags).find((flag, at) => !FLAGS.includes(flag) || flags.indexOf(flag) !== at)
  if (unknown !== undefined)
    throw new OptionError(`Expected \`flags\` to be letters of ${FLAGS}, each once, got \`${flags}\` (\`${unknown}\`)`)
  const v = flags.includes('v')
  const sets = `${flags.replace(/[dgm]/g, '')}${v || flags.includes('u') ? '' : 'u'}`
  const read: Flags = { sets, ignoreCase: flags.includes('i'), multiline: flags.includes('m'), v }
  const compiled = compile(translate(parse(pattern, read), read), pattern)
  return {
    test: (text) => compiled.test(text),
    // Most texts have no match, and the test is many times faster than a search for matches.
    count: (text) => (compiled.test(text) ? Array.from(compiled.matchAll(text)).length : 0),
  }
}

const refusal = (pattern: string, reason: string): OptionError =>
  new OptionError(`Expected \`pattern\` to be a regular expression that runs in linear time, got \`${pattern}\`: ${reason}`)

function parse(pattern: string, { v, sets }: Flags): AST.Pattern {
  try {
    new RegExp(pattern, sets)
    return parser.parsePattern(pattern, 0, pattern.length, { unicode: !v, unicodeSets: v })
  } catch (error) {
    throw new OptionError(`Expected \`pattern\` and \`flags\` to be a regular expression: ${messageOf(error)}`)
  }
}

function compile(translated: string, pattern: string): RE2JS {
  try {
    return RE2JS.compile(translated, RE2JS.LOOKBEHINDS)
  } catch (error) {
    throw refusal(pattern, messageOf(error).replace(/^error parsing regexp: /, ''))
  }
}

/** Translates the pattern to RE2's syntax. Groups do not capture, since nobody reads them. */
function translate(root: AST.Pattern, flags: Flags): string {
  const known = new Map<string, string>()
  const classOf = ({ raw }: AST.NodeBase): string => {
    const found = known.get(raw) ?? charactersOf(raw, flags.sets)
    known.set(raw, found)
    return found
  }
  const any = (alternatives: readonly AST.Alternative[]): string =>
    `(?:${alternatives.map(({ elements }) => elements.map(one).join('')).join('|')})`
  const one = (node: AST.Element): string => {
    switch (node.type) {
      case 'Group':
      case 'CapturingGroup':
        return any(node.alternatives)
      case 'Quantifier':
        return `(?:${one(node.element)})${repetition(node)}`
      case 'Character':
        return flags.ignoreCase ? `(?i:${hex(node.value)})` : hex(node.value)
      case 'CharacterSet':
      case 'CharacterClass':
      case 'ExpressionCharacterClass':
        if (hasStrings(node)) throw refusal(root.raw, `\`${node.raw}\` stands for strings, not for characters`)
        return classOf(node)
      case 'Assertion':
        return assertion(node)
      default:
        throw refusal(root.raw, `\`${node.raw}\` refers back to a group`)
    }
  }
  const assertion = (node: AST.Assertion): string => {
    if (node.kind === 'start') return flags.multiline ? '(?m:^)' : '\\A'
    if (node.kind === 'end') return flags.multiline ? '(?m:$)' : '\\z'
    if (node.kind === 'word') return node.negate ? '\\B' : '\\b'
    if (node.kind === 'lookbehind') return `(?<${node.negate ? '!' : '='}${any(node.alternatives)})`
    throw refusal(root.raw, `\`${node.raw}\` looks ahead`)
  }
  return any(root.alternatives)
}

function repetition({ min, max, greedy }: AST.Quantifier): string {
  const times = max === Number.POSITIVE_INFINITY ? `{${min},}` : `{${min},${max}}`
  const short = { '{0,}': '*', '{1,}': '+', '{0,1}': '?' }[times] ?? times
  return greedy ? short : `${short}?`
}

const hasStrings = (node: object): boolean =>
  Object.entries(node).some(
    ([key, value]) =>
      (key === 'strings' && value === true) ||
      (key === 'type' && value === 'ClassStringDisjunction') ||
      (key !== 'parent' && [value].flat().some((each) => typeof each === 'object' && each !== null && hasStrings(each))),
  )

const hex = (codePoint: number): string => `\\x{${codePoint.toString(16)}}`

/** Yields each code point once. Low surrogates come first and high ones last, so that no two form a pair. */
function* allCharacters(): Generator<string> {
  for (const [first, last] of [
    [0xdc00, 0xdfff],
    [0, 0xd7ff],
    [0xe000, 0x10ffff],
    [0xd800, 0xdbff],
  ] as const)
    for (let from = first; from <= last; from += 0x400)
      yield String.fromCodePoint(...Array.from({ length: Math.min(0x400, last + 1 - from) }, (_, at) => from + at))
}

/** Lists the characters of a class with JavaScript's engine, since RE2 reads classes, cases and `\s` differently. */
function charactersOf(raw: string, flags: string): string {
  const runs = new RegExp(`(?:${raw})+`, `${flags}g`)
  const ranges: [number, number][] = []
  for (const characters of allCharacters())
    for (const [run] of characters.matchAll(runs))
      for (const character of run) {
        const codePoint = character.codePointAt(0)!
        const last = ranges.at(-1)
        if (last && last[1] + 1 === codePoint) last[1] = codePoint
        else ranges.push([codePoint, codePoint])
      }
  if (ranges.length === 0) return '[^\\x{0}-\\x{10ffff}]'
  return `[${ranges.map(([from, to]) => `${hex(from)}-${hex(to)}`).join('')}]`
}
