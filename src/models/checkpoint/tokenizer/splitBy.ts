/** What a split does with the matches. */
export type Behavior = 'Removed' | 'Isolated' | 'MergedWithPrevious' | 'MergedWithNext' | 'Contiguous'

type Part = { text: string; isMatch: boolean }

/** All parts of a text in order: matches, and the text between them. */
function partsOf(text: string, pattern: RegExp): Part[] {
  const parts: Part[] = []
  let end = 0
  for (const match of text.matchAll(pattern)) {
    if (match.index > end) parts.push({ text: text.slice(end, match.index), isMatch: false })
    if (match[0] !== '') parts.push({ text: match[0], isMatch: true })
    end = match.index + match[0].length
  }
  if (end < text.length) parts.push({ text: text.slice(end), isMatch: false })
  return parts
}

/** Joins each part to the one before it if `joins` says so. */
function join(parts: readonly Part[], joins: (part: Part, before: Part) => boolean): string[] {
  const texts: string[] = []
  let before: Part | undefined
  for (const part of parts) {
    if (before && joins(part, before)) texts[texts.length - 1] += part.text
    else texts.push(part.text)
    before = part
  }
  return texts
}

/**
 * Splits a text at a pattern (global, Unicode). `invert` swaps matches and the text between them. No part is empty.
 *
 * In a row of matches only one merges: the first with the text before it, or the last with the text after it.
 */
export function splitBy(text: string, pattern: RegExp, behavior: Behavior = 'Isolated', invert = false): string[] {
  const parts = partsOf(text, pattern).map(({ text: part, isMatch }) => ({ text: part, isMatch: isMatch !== invert }))
  switch (behavior) {
    case 'Removed':
      return parts.flatMap((part) => (part.isMatch ? [] : [part.text]))
    case 'MergedWithPrevious':
      return join(parts, (part, before) => part.isMatch && !before.isMatch)
    case 'MergedWithNext':
      return join(parts, (part, before) => before.isMatch && !part.isMatch)
    case 'Contiguous':
      return join(parts, (part, before) => part.isMatch === before.isMatch)
    case 'Isolated':
      return parts.map((part) => part.text)
  }
}
