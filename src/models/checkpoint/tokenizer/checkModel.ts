const quote = (merge: unknown): string => String(JSON.stringify(merge)).slice(0, 80)

/** Both parts of a merge. Files write them as a list, or with a space between them. */
const partsOf = (merge: unknown): readonly unknown[] =>
  typeof merge === 'string' ? merge.split(' ') : Array.isArray(merge) ? merge : []

const TYPES = ['BPE', 'Unigram', 'WordPiece']

/**
 * Checks the type of a tokenizer's model (old files have none) and the merges of BPE, whose tokens must be in the vocabulary, as
 * transformers does.
 *
 * @throws TypeError with the type or the merge
 */
export function checkModel({ type, merges, vocab }: Readonly<Record<string, unknown>>): void {
  if (type !== undefined && !TYPES.some((known) => known === type))
    throw new TypeError(`its model has type ${quote(type)}, not BPE, Unigram or WordPiece`)
  if (type !== 'BPE') return
  if (!Array.isArray(merges)) throw new TypeError(`its BPE model has no list of merges, but ${quote(merges)}`)
  const tokens = vocab as Readonly<Record<string, unknown>>
  for (const [index, merge] of merges.entries()) {
    const [first, second, ...more] = partsOf(merge)
    if (typeof first !== 'string' || typeof second !== 'string' || more.length > 0)
      throw new TypeError(`merge ${index} is ${quote(merge)}, not two tokens`)
    const missing = [first, second, first + second].find((token) => !Object.hasOwn(tokens, token))
    if (missing !== undefined) throw new TypeError(`merge ${index} needs the token ${quote(missing)}, which its vocabulary lacks`)
  }
}
