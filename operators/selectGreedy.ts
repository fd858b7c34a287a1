import { map } from 'rxjs'
import * as z from 'zod'
import { type DescribedOperator, described } from '../src/core/described.js'
import { argmax } from '../src/core/math.js'
import { parseOptions } from '../src/core/parseOptions.js'
import { choice, registryEntry } from '../src/core/registryEntry.js'
import { type Candidates, withFields } from '../src/core/step.js'

export const selectGreedyOptions = z.strictObject({})
export type SelectGreedyOptions = Readonly<Record<string, never>>

/** The fields that a selecting operator adds: the candidate's index and its token id. */
export type Choice = Readonly<{ index: number; tokenId: number }>

/**
 * Selects the candidate with the highest score; on ties, the first, which is the likelier token.
 *
 * - in: `scores`: Float32[k], `tokenIds`: Int32[k]
 * - out: + `index`, `tokenId`
 * - errors: `ShapeError` for no candidates or a score that is not finite
 *
 * @see ARGS-greedy (Khanov et al., 2024)
 */
export function selectGreedy<S extends Candidates>(options: SelectGreedyOptions = {}): DescribedOperator<S, S & Choice> {
  parseOptions(selectGreedyOptions, options, 'selectGreedy')

  return described(
    { name: 'selectGreedy', options: {} },
    map((step: S) => {
      const index = argmax(step.scores)
      return withFields(step, { index, tokenId: step.tokenIds[index]! })
    }),
  )
}

export const selectGreedyEntry = registryEntry('selects the highest score', selectGreedyOptions, choice, (options) =>
  selectGreedy(options),
)
