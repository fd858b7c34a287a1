/** Characters of all entries together. Texts repeat their words, and few are rare. Tokens take about 25 bytes for each character. */
const CAPACITY = 2 ** 17
/** Longer strings do not repeat. */
const LONGEST = 32

/** Remembers the results of a function for short strings, so that tokenizing a text again costs only its new part. */
export function remembered<T>(compute: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>()
  let characters = 0
  return (text) => {
    const found = known.get(text)
    if (found !== undefined) return found
    const made = compute(text)
    if (text.length > LONGEST) return made
    characters += text.length
    if (characters > CAPACITY) {
      known.clear()
      characters = text.length
    }
    known.set(text, made)
    return made
  }
}
