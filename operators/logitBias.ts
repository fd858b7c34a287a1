import { map } from 'rxjs'
import * as z from 'zod'
import { withDenseLogits } from '../src/core/denseLogits.js'
import { type DescribedOperator, described } from '../src/core/described.js'
import { ShapeError } from '../src/core/errors.js'
import { parseOptions } from '../src/core/parseOptions.js'
import { processor, registryEntry } from '../src/core/registryEntry.js'
import type { LogitsStep } from '../src/core/step.js'

export const logitBiasOptions = z.strictObject({
  bias: z.record(z.string().regex(/^\d+$/), z.number()).describe('finite numbers by token id, such as { 50256: -100 }'),
})
export type LogitBiasOptions = Readonly<{
  /** What to add to the logits, by token id. */
  bias: Readonly<Record<string, number>>
}>

/**
 * Adds numbers to the logits of some tokens. Goes before `topK`.
 *
 * - in, out: `logits`: Float32[V], dense
 * - errors: `OptionError` at call time for a key that is no token id and a bias that is not finite; `ShapeError` for sparse logits and
 *   for a token id outside the vocabulary
 *
 * @see OpenAI's API, `logit_bias`
 */
export function logitBias<S extends LogitsStep>(options: LogitBiasOptions): DescribedOperator<S, S> {
  const { bias } = parseOptions(logitBiasOptions, options, 'logitBias')
  const entries = Object.entries(bias).map(([id, value]) => [Number(id), value] as const)

  return described(
    { name: 'logitBias', options: { bias }, need: 'all' },
    map((step: S) =>
      withDenseLogits(step, (values) => {
        for (const [id, value] of entries) {
          if (id >= values.length) throw new ShapeError(`Expected token ids below ${values.length} to bias, got ${id}`)
          values[id]! += value
        }
      }),
    ),
  )
}

export const logitBiasEntry = registryEntry('adds numbers to the logits of tokens', logitBiasOptions, processor, logitBias)
