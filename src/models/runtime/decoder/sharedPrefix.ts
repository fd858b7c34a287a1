import { type CachedSequence, truncate } from './CachedSequence.js'
import { CHUNK } from './passes.js'

/**
 * Copies leading whole chunks of the same tokens from another sequence. The bits are those of reading them again. At least one token remains to be
 * read.
 */
export function adoptPrefix(cached: CachedSequence, tokenIds: Int32Array, others: Iterable<CachedSequence | undefined>): void {
  if (cached.tokenIds.length !== cached.chunked) return
  const most = CHUNK * Math.floor((tokenIds.length - 1) / CHUNK)
  let donor: CachedSequence | undefined
  let shared = cached.chunked
  for (const other of others) {
    if (!other || other === cached || other.long !== cached.long || Math.min(other.chunked, most) <= shared) continue
    const length = CHUNK * Math.floor(sameTokens(other.tokenIds, tokenIds, Math.min(other.chunked, most)) / CHUNK)
    if (length <= shared) continue
    donor = other
    shared = length
  }
  if (donor) takeOver(cached, donor, shared)
}

/** Copies the donor's positions up to `length` after the cached ones. */
export function takeOver(cached: CachedSequence, donor: CachedSequence, length: number): void {
  const from = cached.tokenIds.length
  if (!donor.slab || !cached.slab || length <= from) return
  truncate(cached, from)
  donor.slab.copyTo(cached.slab, donor, cached, from, length)
  for (let position = from; position < length; position++) cached.tokenIds.push(donor.tokenIds[position]!)
  cached.chunked = length
}

/** Length of the common prefix, at most `most`. */
export function sameTokens(a: ArrayLike<number>, b: ArrayLike<number>, most: number): number {
  let length = 0
  while (length < most && a[length] === b[length]) length++
  return length
}
