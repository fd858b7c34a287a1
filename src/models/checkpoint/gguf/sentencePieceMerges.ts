type Merge = Readonly<{ first: string; second: string; score: number; lengths: readonly [number, number] }>

/**
 * Derives merges from a SentencePiece model, which has only a score per token. A token merges from any two tokens that concatenate to it. Merges with
 * higher scores come first, and for one token those with the longer first part.
 *
 * @param scores one per token
 * @see transformers 5 tokenization_utils_base.py `generate_merges`
 */
export function sentencePieceMerges(
  tokens: readonly string[],
  scores: readonly number[],
): readonly (readonly [string, string])[] {
  const ids = new Map(tokens.map((token, id) => [token, id]))
  const merges: Merge[] = []
  for (const [token, id] of ids) {
    const characters = Array.from(token)
    const found: Merge[] = []
    let first = ''
    for (let cut = 1; cut < characters.length; cut++) {
      first += characters[cut - 1]
      const second = token.slice(first.length)
      if (ids.has(first) && ids.has(second))
        found.push({ first, second, score: scores[id]!, lengths: [cut, characters.length - cut] })
    }
    merges.push(...found.sort((a, b) => ids.get(a.first)! - ids.get(b.first)! || ids.get(a.second)! - ids.get(b.second)!))
  }
  merges.sort((a, b) => b.score - a.score || b.lengths[0] - a.lengths[0] || b.lengths[1] - a.lengths[1])
  return merges.map(({ first, second }) => [first, second])
}
