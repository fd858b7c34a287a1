/** What becomes of the parts of a text that match where it is split. */
export type Behavior = 'Removed' | 'Isolated' | 'MergedWithPrevious' | 'MergedWithNext' | 'Contiguous'

type Part = { text: string; isMatch: boolean }

/** The whole text as parts in order: matches and what lies between them. */
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

/** Joins a part to the one before it wherever `joins` says so. */
function joined(parts: readonly Part[], joins: (part: Part, before: Part) => boolean): string[] {
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
 * Splits a text at a pattern (global, Unicode). `invert`: the parts between the matches are the matches. No part is empty.
 *
 * Of several matches in a row only one is merged: the first with what is before it, the last with what is after it.
 */
export function splitBy(text: string, pattern: RegExp, behavior: Behavior = 'Isolated', invert = false): string[] {
  const parts = partsOf(text, pattern).map(({ text: part, isMatch }) => ({ text: part, isMatch: isMatch !== invert }))
  switch (behavior) {
    case 'Removed':
      return parts.flatMap((part) => (part.isMatch ? [] : [part.text]))
    case 'MergedWithPrevious':
      return joined(parts, (part, before) => part.isMatch && !before.isMatch)
    case 'MergedWithNext':
      return joined(parts, (part, before) => before.isMatch && !part.isMatch)
    case 'Contiguous':
      return joined(parts, (part, before) => part.isMatch === before.isMatch)
    case 'Isolated':
      return parts.map((part) => part.text)
  }
}
