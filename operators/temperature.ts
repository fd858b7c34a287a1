import { map } from 'rxjs'
import * as z from 'zod'
import { type DescribedOperator, described } from '../src/core/described.js'
import { parseOptions } from '../src/core/parseOptions.js'
import { registryEntry } from '../src/core/registryEntry.js'
import type { Candidates, LogitsStep } from '../src/core/step.js'

export const temperatureOptions = z.strictObject({ temperature: z.number().positive().describe('a finite number > 0') })
export type TemperatureOptions = Readonly<{
  /** The divisor, above 0. */
  temperature: number
}>

/**
 * Divides the logits by the temperature, or the candidates' scores if the step has candidates.
 *
 * Before `topP` it changes which tokens are in the nucleus, as in Hugging Face's order of warpers; `tokenLogits` are then divided, too.
 * After `topK` or `topP` it leaves `tokenLogits` alone.
 *
 * - in, out: `logits`: Float32[V] or sparse; or `scores`: Float32[k]
 * - errors: `OptionError` at call time unless `temperature` is a finite number > 0
 *
 * @example steps(temperature({ temperature: 0.8 }), topP({ p: 0.95 }), sampleTemperature({ temperature: 1 }))
 */
export function temperature<S extends LogitsStep | Candidates>(options: TemperatureOptions): DescribedOperator<S, S> {
  const parsed = parseOptions(temperatureOptions, options, 'temperature')
  const divide = (values: Float32Array): Float32Array => values.map((value) => value / parsed.temperature)

  return described(
    { name: 'temperature', options: parsed },
    map((step: S): S => {
      if ('scores' in step) return { ...step, scores: divide(step.scores) }
      const { tokenIds, values } = step.logits
      // `logSumExp` belongs to the undivided logits, so it is dropped.
      return { ...step, logits: { ...(tokenIds && { tokenIds }), values: divide(values) } }
    }),
  )
}

export const temperatureEntry = registryEntry(
  'divides the logits, or the scores of candidates, by the temperature',
  temperatureOptions,
  { needs: ['logits|scores'], changes: ['logits', 'scores'] },
  (options) => temperature(options),
)
