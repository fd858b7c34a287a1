/** Below this an insertion into a sorted list is faster than sorting the vocabulary. */
const FEW = 256

/**
 * The `n` largest of a vocabulary's logits Float32[V], sorted descending, ties to the lower token id. All of them when `n` is larger than V.
 * NaN counts as largest, so that it cannot go unseen.
 */
export function likeliest(logits: Float32Array, n: number): { tokenIds: Int32Array; values: Float32Array } {
  const count = Math.min(n, logits.length)
  const tokenIds = count <= FEW ? inserted(logits, count) : sorted(logits).subarray(0, count)
  return { tokenIds: tokenIds.slice(), values: Float32Array.from(tokenIds, (tokenId) => logits[tokenId]!) }
}

function inserted(logits: Float32Array, count: number): Int32Array {
  const tokenIds = new Int32Array(count)
  const values = new Float32Array(count)
  let held = 0
  for (let tokenId = 0; tokenId < logits.length; tokenId++) {
    const value = Number.isNaN(logits[tokenId]) ? Number.POSITIVE_INFINITY : logits[tokenId]!
    if (held === count && value <= values[count - 1]!) continue
    let at = held < count ? held++ : count - 1
    for (; at > 0 && value > values[at - 1]!; at--) {
      values[at] = values[at - 1]!
      tokenIds[at] = tokenIds[at - 1]!
    }
    values[at] = value
    tokenIds[at] = tokenId
  }
  return tokenIds
}

function sorted(logits: Float32Array): Int32Array {
  const rank = (tokenId: number) => (Number.isNaN(logits[tokenId]) ? Number.POSITIVE_INFINITY : logits[tokenId]!)
  // Equal infinities would subtract to NaN: compare instead.
  return Int32Array.from(logits, (_, tokenId) => tokenId).sort((a, b) => (rank(a) > rank(b) ? -1 : rank(a) < rank(b) ? 1 : a - b))
}
