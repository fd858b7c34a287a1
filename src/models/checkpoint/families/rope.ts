import * as z from 'zod'
import { ModelError } from '../../../core/errors.js'
import { checkJson, positiveInteger, positiveNumber } from '../readJson.js'
import { type RopeContext, type RopeScaling, readScaling } from './ropeScaling.js'

/** Rotary positions of a layer: base and scaling of the frequencies, and how many elements of each head rotate. */
export type Rope = Readonly<{ ropeTheta: number; ropeScaling: RopeScaling; rotaryDim: number }>

/** The fields of config.json for rotary positions, as transformers 4 and 5 name them. */
export const ropeFields = {
  rope_theta: positiveNumber.nullish(),
  rope_scaling: z.record(z.string(), z.unknown()).nullish().describe('an object or null'),
  rope_parameters: z.record(z.string(), z.unknown()).nullish().describe('an object or null'),
  partial_rotary_factor: z.number().nullish(),
  original_max_position_embeddings: positiveInteger.nullish().describe('an integer >= 1'),
}

export type RopeFields = z.output<z.ZodObject<typeof ropeFields>>

/** What a family knows about its positions. */
export type RopeFamily = Readonly<{
  headDim: number
  contextLength: number
  /** The default base; 10,000 unless set. */
  theta?: number
  /** Context length of pretraining, for a family whose config has it in a field of its own. */
  original?: number
  /** Supported kinds of scaling; all unless set. */
  types?: readonly string[]
  /** Other names for kinds of scaling. */
  aliases?: Readonly<Record<string, string>>
  /** Whether only a part of each head may rotate. */
  partial?: boolean
}>

/**
 * Reads rotary base and scaling: `rope_theta` and `rope_scaling` (transformers 4), or `rope_parameters` (transformers 5). If a file
 * has both, `rope_scaling` wins, as in transformers 5.
 *
 * @throws ModelError for an unsupported kind of scaling, or when one of its fields is missing
 */
export function readRope(config: RopeFields, family: RopeFamily, file: string): Rope {
  const name = config.rope_scaling ? 'rope_scaling' : 'rope_parameters'
  const where = `${name} of ${file}`
  const parameters = config.rope_scaling ?? config.rope_parameters ?? {}
  const nested = Object.entries(parameters).find(
    ([, value]) => typeof value === 'object' && value !== null && !Array.isArray(value),
  )
  if (nested !== undefined)
    throw new ModelError(`Expected one set of parameters for all layers in ${where}, got one for \`${nested[0]}\``)
  return ropeOf(parameters, config, family, where, file)
}

/** Reads one set of parameters. Fields that it lacks come from the config. */
export function ropeOf(
  parameters: Readonly<Record<string, unknown>>,
  config: Pick<RopeFields, 'rope_theta' | 'partial_rotary_factor' | 'original_max_position_embeddings'>,
  { headDim, contextLength, theta = 10_000, types, aliases = {}, partial = false, ...family }: RopeFamily,
  where: string,
  file: string,
): Rope {
  const own = z.looseObject({ rope_theta: positiveNumber.nullish(), partial_rotary_factor: z.number().nullish() })
  const fields = checkJson(own, parameters, where)
  const part = fields.partial_rotary_factor ?? config.partial_rotary_factor ?? 1
  if (!partial && part !== 1)
    throw new ModelError(`Expected \`partial_rotary_factor\` in ${file} to be 1 for this family, got \`${part}\``)
  const rotaryDim = Math.trunc(headDim * part)
  if (rotaryDim % 2 !== 0 || rotaryDim < 2 || rotaryDim > headDim)
    throw new ModelError(
      part === 1
        ? `Expected an even head width in ${file} (positions rotate pairs), got \`${headDim}\``
        : `Expected \`partial_rotary_factor\` in ${file} to give an even part of ${headDim}, got \`${part}\``,
    )
  const original = family.original ?? config.original_max_position_embeddings
  const context: RopeContext = { contextLength, ...(original != null && { original }) }
  const type = String(parameters.rope_type ?? parameters.type ?? 'default')
  const ropeScaling = readScaling(aliases[type] ?? type, parameters, context, where, types)
  if (ropeScaling.type === 'longrope')
    for (const [name, factors] of [
      ['short_factor', ropeScaling.shortFactor],
      ['long_factor', ropeScaling.longFactor],
    ] as const)
      if (factors.length !== rotaryDim / 2)
        throw new ModelError(`Expected \`${name}\` in ${where} to have ${rotaryDim / 2} numbers, got ${factors.length}`)
  return { ropeTheta: fields.rope_theta ?? config.rope_theta ?? theta, ropeScaling, rotaryDim }
}
