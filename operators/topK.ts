import { map } from 'rxjs'
import * as z from 'zod'
import { type DescribedOperator, described } from '../src/core/described.js'
import { ShapeError } from '../src/core/errors.js'
import { topIndices } from '../src/core/math.js'
import { parseOptions } from '../src/core/parseOptions.js'
import { candidates, registryEntry } from '../src/core/registryEntry.js'
import { type Candidates, type LogitsStep, withFields } from '../src/core/step.js'

export const topKOptions = z.strictObject({ k: z.int().min(1).describe('an integer >= 1') })
export type TopKOptions = Readonly<{
  /** How many tokens to keep. */
  k: number
}>

/**
 * Keeps the `k` likeliest tokens as candidates, likeliest first; ties go to the lower id. Banned tokens (−∞) are never kept.
 *
 * - in: `logits`: Float32[V], or the model's sorted top n >= k
 * - out: `tokenIds`: Int32[k], `tokenLogits`: Float32[k], `scores`: Float32[k] = tokenLogits; `logits` is dropped
 * - errors: `OptionError` at call time unless `k` is an integer >= 1; `ShapeError` for fewer than k logits, NaN or +∞, and if all tokens
 *   are banned
 *
 * @example of({ sequence, logits }).pipe(topK({ k: 10 }))
 * @see ARGS (Khanov et al., 2024), the candidate set V(k)
 */
export function topK<S extends LogitsStep>(options: TopKOptions): DescribedOperator<S, Omit<S, 'logits'> & Candidates> {
  const { k } = parseOptions(topKOptions, options, 'topK')

  return described(
    { name: 'topK', options: { k }, need: k },
    map(({ logits, ...step }: S) => {
      if (logits.tokenIds && logits.tokenIds.length !== logits.values.length)
        throw new ShapeError(
          `Expected one token id per logit, got ${logits.tokenIds.length} ids for ${logits.values.length} logits`,
        )
      const indices = topIndices(logits.values, k)
      const tokenLogits = Float32Array.from(indices, (index) => logits.values[index]!)
      // A sparse list is already sorted with ties by id, so equal logits stay in the order of their ids.
      const tokenIds = logits.tokenIds ? indices.map((index) => logits.tokenIds![index]!) : indices
      return withFields(step, { tokenIds, tokenLogits, scores: tokenLogits })
    }),
  )
}

export const topKEntry = registryEntry('keeps the k likeliest tokens as candidates', topKOptions, candidates('k'), (options) =>
  topK(options),
)
