import * as z from 'zod'
import { ModelError } from '../../core/errors.js'
import { checkJson, positiveInteger, positiveNumber } from './readJson.js'

/** How rotary frequencies are stretched beyond the context of pretraining. */
export type RopeScaling =
  | Readonly<{ type: 'none' }>
  | Readonly<{ type: 'linear'; factor: number }>
  | Readonly<{
      type: 'llama3'
      factor: number
      lowFreqFactor: number
      highFreqFactor: number
      originalMaxPositionEmbeddings: number
    }>

export type Rope = Readonly<{ ropeTheta: number; ropeScaling: RopeScaling }>

type Reader = (value: unknown, where: string) => RopeScaling

const linear = z.looseObject({ factor: positiveNumber })

const llama3 = z.looseObject({
  factor: positiveNumber,
  low_freq_factor: positiveNumber,
  high_freq_factor: positiveNumber,
  original_max_position_embeddings: positiveInteger,
})

const readers: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['default', () => ({ type: 'none' })],
  ['linear', (value, where) => ({ type: 'linear', factor: checkJson(linear, value, where).factor })],
  [
    'llama3',
    (value, where) => {
      const fields = checkJson(llama3, value, where)
      if (fields.high_freq_factor <= fields.low_freq_factor)
        throw new ModelError(
          `Expected \`high_freq_factor\` in ${where} to be above \`low_freq_factor\` ${fields.low_freq_factor}, got \`${fields.high_freq_factor}\``,
        )
      return {
        type: 'llama3',
        factor: fields.factor,
        lowFreqFactor: fields.low_freq_factor,
        highFreqFactor: fields.high_freq_factor,
        originalMaxPositionEmbeddings: fields.original_max_position_embeddings,
      }
    },
  ],
])

/** The fields of config.json that say how positions are rotated, in the words of transformers 4 and 5. */
export const ropeFields = {
  rope_theta: positiveNumber.nullish(),
  rope_scaling: z.record(z.string(), z.unknown()).nullish().describe('an object or null'),
  rope_parameters: z.record(z.string(), z.unknown()).nullish().describe('an object or null'),
  partial_rotary_factor: z.number().nullish(),
}

/**
 * Reads rotary base and scaling: `rope_theta` beside `rope_scaling` (transformers 4), or all in `rope_parameters`
 * (transformers 5). Where a file has both, `rope_scaling` wins, as in transformers 5.
 *
 * @throws ModelError for another kind of scaling, by its name, or when a field of it is missing
 */
export function readRope(config: z.output<z.ZodObject<typeof ropeFields>>, file: string): Rope {
  const name = config.rope_scaling ? 'rope_scaling' : 'rope_parameters'
  const where = `${name} of ${file}`
  const parameters = config.rope_scaling ?? config.rope_parameters ?? {}
  const nested = Object.keys(parameters).find((key) => typeof parameters[key] === 'object' && parameters[key] !== null)
  if (nested !== undefined)
    throw new ModelError(`Expected one set of parameters for all layers in ${where}, got one for \`${nested}\``)
  const partial = parameters.partial_rotary_factor ?? config.partial_rotary_factor ?? 1
  if (partial !== 1)
    throw new ModelError(`Expected \`partial_rotary_factor\` in ${file} to be 1 for this family, got \`${partial}\``)
  const type = String(parameters.rope_type ?? parameters.type ?? 'default')
  const read = readers.get(type)
  if (read === undefined)
    throw new ModelError(`Expected \`rope_type\` in ${where} to be one of ${[...readers.keys()].join(', ')}, got \`${type}\``)
  const theta = checkJson(z.looseObject({ rope_theta: positiveNumber.nullish() }), parameters, where).rope_theta
  return { ropeTheta: theta ?? config.rope_theta ?? 10_000, ropeScaling: read(parameters, where) }
}
