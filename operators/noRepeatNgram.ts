import { map } from 'rxjs'
import * as z from 'zod'
import { BANNED, withDenseLogits } from '../src/core/denseLogits.js'
import { type DescribedOperator, described } from '../src/core/described.js'
import { parseOptions } from '../src/core/parseOptions.js'
import { processor, registryEntry } from '../src/core/registryEntry.js'
import type { LogitsStep } from '../src/core/step.js'

export const noRepeatNgramOptions = z.strictObject({ n: z.int().min(1).describe('an integer >= 1') })
export type NoRepeatNgramOptions = Readonly<{
  /** Length of the n-grams, in tokens. */
  n: number
}>

/**
 * Bans each token that would repeat an n-gram of prompt and reply. Goes before `topK`.
 *
 * - in, out: `logits`: Float32[V], dense; a banned token has −∞
 * - errors: `OptionError` at call time unless `n` is an integer >= 1; `ShapeError` for sparse logits
 *
 * @see A Deep Reinforced Model for Abstractive Summarization (Paulus et al., 2018), section 2.5; transformers NoRepeatNGramLogitsProcessor
 */
export function noRepeatNgram<S extends LogitsStep>(options: NoRepeatNgramOptions): DescribedOperator<S, S> {
  const { n } = parseOptions(noRepeatNgramOptions, options, 'noRepeatNgram')

  return described(
    { name: 'noRepeatNgram', options: { n }, need: 'all' },
    map((step: S) =>
      withDenseLogits(step, (values) => {
        const tokenIds = [...step.sequence.promptTokenIds, ...step.sequence.tokenIds]
        const end = tokenIds.length - (n - 1) // start of the n-gram that the next token completes
        for (let start = 0; start < end; start++) {
          let same = 0
          while (same < n - 1 && tokenIds[start + same] === tokenIds[end + same]) same++
          if (same === n - 1) values[tokenIds[start + n - 1]!] = BANNED
        }
      }),
    ),
  )
}

export const noRepeatNgramEntry = registryEntry(
  'bans tokens that would repeat an n-gram',
  noRepeatNgramOptions,
  processor,
  noRepeatNgram,
)
