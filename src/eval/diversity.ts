/** Above any token id: `gram * STRIDE + token` is exact in a double for the grams of any reply. */
const STRIDE = 2 ** 32
const LONGEST = 4

/**
 * Share of the n-grams that are distinct, for n = 1 … 4: `1 - rep_n`. A reply of fewer than n tokens repeats nothing: 1.
 *
 * The key of an n-gram is the number of its (n-1)-gram and one more token, so that no text is built and no two n-grams collide.
 */
function distinctShares(tokenIds: readonly number[]): number[] {
  let grams = tokenIds.map(() => 0)
  return Array.from({ length: LONGEST }, (_, index) => {
    const numbers = new Map<number, number>()
    const count = Math.max(0, tokenIds.length - index)
    const next: number[] = []
    for (let start = 0; start < count; start++) {
      const gram = grams[start]! * STRIDE + tokenIds[start + index]!
      const number = numbers.get(gram) ?? numbers.size
      numbers.set(gram, number)
      next.push(number)
    }
    grams = next
    return count === 0 ? 1 : numbers.size / count
  })
}

/**
 * Diversity of one reply: `(1 - rep_2)(1 - rep_3)(1 - rep_4)` with `rep_n = 1 - distinct n-grams / n-grams`, over its token ids.
 * From 0 (one token again and again) to 1.
 *
 * The paper's own code (args@a5c0630 metrics.py `compute_rep_n`) counts words of nltk and divides by the number of n-grams plus one,
 * so that a short reply without any repetition has less than 1. The paper's formula does not add one, and neither does this.
 *
 * @see ARGS (Khanov et al., 2024), section 4.1; A Contrastive Framework for Neural Text Generation (Su et al., 2022)
 */
export function diversity(tokenIds: readonly number[]): number {
  const [, two, three, four] = distinctShares(tokenIds)
  return two! * three! * four!
}
