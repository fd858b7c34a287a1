import { type AST, RegExpParser } from '@eslint-community/regexpp'

/** Characters that JSON writes with a backslash. XGrammar applies patterns to the escaped text. */
const ESCAPED = ['"', '\\', ...Array.from({ length: 32 }, (_, code) => String.fromCharCode(code))]

/**
 * Says why XGrammar would not enforce a pattern, or would break the JSON; undefined for a pattern that it enforces: `^…$` around characters,
 * classes, groups, alternatives and repetitions.
 */
export function whyNotEnforced(pattern: string): string | undefined {
  let root: AST.Pattern
  try {
    root = new RegExpParser({ ecmaVersion: 2024 }).parsePattern(pattern, 0, pattern.length, { unicode: true })
  } catch (error) {
    return (error as Error).message
  }
  const [only, ...others] = root.alternatives
  const [first, last] = [only?.elements[0], only?.elements.at(-1)]
  const isWhole = others.length === 0 && first?.type === 'Assertion' && last?.type === 'Assertion'
  if (!isWhole || first.kind !== 'start' || last.kind !== 'end')
    return 'patterns are enforced on whole strings only; write `^(…)$`'
  for (const element of only!.elements.slice(1, -1)) {
    const reason = whyNot(element)
    if (reason !== undefined) return reason
  }
  return undefined
}

function whyNot(node: AST.Element): string | undefined {
  switch (node.type) {
    case 'Group':
    case 'CapturingGroup':
      return node.alternatives.flatMap(({ elements }) => elements.map(whyNot)).find((reason) => reason !== undefined)
    case 'Quantifier':
      return whyNot(node.element)
    case 'Assertion':
    case 'Backreference':
      return `\`${node.raw}\` is not enforced`
    case 'Character':
      return ESCAPED.includes(String.fromCodePoint(node.value)) ? `JSON escapes the character \`${node.raw}\`` : undefined
    default: {
      if (/[^\0-\x7f]/.test(node.raw) || /\\[pPux]/.test(node.raw))
        return `the class \`${node.raw}\` is not enforced; only ASCII is`
      const whole = new RegExp(`^${node.raw}$`, 'u')
      return ESCAPED.some((character) => whole.test(character))
        ? `\`${node.raw}\` includes characters that JSON escapes (quotes, backslashes, line breaks); name those that are allowed`
        : undefined
    }
  }
}
