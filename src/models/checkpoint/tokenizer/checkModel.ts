const shown = (merge: unknown): string => String(JSON.stringify(merge)).slice(0, 80)

/** Both parts of a merge, which files write as a list of two or with a space between. */
const partsOf = (merge: unknown): readonly unknown[] =>
  typeof merge === 'string' ? merge.split(' ') : Array.isArray(merge) ? merge : []

const TYPES = ['BPE', 'Unigram', 'WordPiece']

/**
 * Refuses a tokenizer's model of a type that is not read (files of older versions say none), and merges of BPE that are none or whose
 * tokens are not in its vocabulary, as transformers does.
 *
 * @throws TypeError that names the type, or the merge
 */
export function checkModel({ type, merges, vocab }: Readonly<Record<string, unknown>>): void {
  if (type !== undefined && !TYPES.some((known) => known === type))
    throw new TypeError(`its model is of the type ${shown(type)}, not BPE, Unigram or WordPiece`)
  if (type !== 'BPE') return
  if (!Array.isArray(merges)) throw new TypeError(`its BPE model has no list of merges, but ${shown(merges)}`)
  const tokens = vocab as Readonly<Record<string, unknown>>
  for (const [index, merge] of merges.entries()) {
    const [first, second, ...more] = partsOf(merge)
    if (typeof first !== 'string' || typeof second !== 'string' || more.length > 0)
      throw new TypeError(`merge ${index} is ${shown(merge)}, no two tokens`)
    const missing = [first, second, first + second].find((token) => !Object.hasOwn(tokens, token))
    if (missing !== undefined) throw new TypeError(`merge ${index} needs the token ${shown(missing)}, which its vocabulary lacks`)
  }
}
