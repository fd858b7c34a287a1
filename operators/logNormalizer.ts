import { map } from 'rxjs'
import * as z from 'zod'
import { denseLogits } from '../src/core/denseLogits.js'
import { type DescribedOperator, described } from '../src/core/described.js'
import { logSumExp } from '../src/core/math.js'
import { parseOptions } from '../src/core/parseOptions.js'
import { registryEntry } from '../src/core/registryEntry.js'
import { type LogitsStep, withFields } from '../src/core/step.js'

export const logNormalizerOptions = z.strictObject({})
export type LogNormalizerOptions = Readonly<Record<string, never>>

/** The field that `logNormalizer` adds to a step. */
export type Normalized = Readonly<{ logNormalizer: number }>

/**
 * Stores `log Σ exp(logits)`, so candidates still have probabilities after `topK` or `topP`: `exp(tokenLogits − logNormalizer)`.
 * Goes right before these, after the logits processors.
 *
 * - in: `logits`: Float32[V], or sparse with `logSumExp`
 * - out: + `logNormalizer`
 * - errors: `ShapeError` for sparse logits without `logSumExp`
 */
export function logNormalizer<S extends LogitsStep>(options: LogNormalizerOptions = {}): DescribedOperator<S, S & Normalized> {
  parseOptions(logNormalizerOptions, options, 'logNormalizer')

  return described(
    { name: 'logNormalizer', options: {}, need: 'all' },
    map((step: S) => {
      const { logits } = step
      const known = logits.tokenIds && logits.logSumExp
      return withFields(step, { logNormalizer: known ?? logSumExp(denseLogits(logits)) })
    }),
  )
}

export const logNormalizerEntry = registryEntry(
  'stores the log of the sum of exp(logits), from which candidates get their probabilities',
  logNormalizerOptions,
  { needs: ['logits'], adds: { logNormalizer: 'number' } },
  (options) => logNormalizer(options),
)
