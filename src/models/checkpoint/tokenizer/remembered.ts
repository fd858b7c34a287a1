/** Entries kept; a text repeats its words, and few of them are rare. */
const CAPACITY = 20_000
/** Longer ones do not come again. */
const LONGEST = 64

/** The same function of short strings, which remembers its results: re-tokenising a text that grew should cost what is new. */
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
