/** The number of entries. Texts repeat their words, and few are rare. */
const CAPACITY = 20_000
/** Longer strings do not repeat. */
const LONGEST = 64

/** Remembers the results of a function for short strings, so that tokenizing a text again costs only its new part. */
export function remembered<T>(compute: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>()
  return (text) => {
    const found = known.get(text)
    if (found !== undefined) return found
    const made = compute(text)
    if (text.length > LONGEST) return made
    if (known.size >= CAPACITY) known.clear()
    known.set(text, made)
    return made
  }
}
