import * as z from 'zod'
import { ModelError } from '../../../core/errors.js'
import { checkJson, positiveInteger, positiveNumber } from '../readJson.js'

/** How rotary frequencies stretch beyond the context of pretraining. Cosines and sines are multiplied by `attentionFactor`. */
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
  | Readonly<{
      type: 'yarn'
      factor: number
      betaFast: number
      betaSlow: number
      /** Whether the range of pairs between the two betas is rounded outwards to whole pairs. */
      truncate: boolean
      attentionFactor: number
      originalMaxPositionEmbeddings: number
    }>
  | Readonly<{
      type: 'longrope'
      /** One divisor for each rotated pair, for sequences of up to `originalMaxPositionEmbeddings` tokens. */
      shortFactor: readonly number[]
      /** The same for longer sequences. */
      longFactor: readonly number[]
      attentionFactor: number
      originalMaxPositionEmbeddings: number
    }>

/** The context length of the config, and that of pretraining if the family keeps it separately. `longrope` and `yarn` need them. */
export type RopeContext = Readonly<{ contextLength: number; original?: number }>

type Reader = (value: unknown, context: RopeContext, where: string) => RopeScaling

const original = { original_max_position_embeddings: positiveInteger.nullish().describe('an integer >= 1') }
const attentionFactor = { attention_factor: positiveNumber.nullish().describe('a number > 0') }
const linear = z.looseObject({ factor: positiveNumber })
const llama3 = z.looseObject({
  factor: positiveNumber,
  low_freq_factor: positiveNumber,
  high_freq_factor: positiveNumber,
  ...original,
})
const optionalNumber = positiveNumber.nullish().describe('a number > 0')
const yarn = z.looseObject({
  factor: optionalNumber,
  beta_fast: optionalNumber,
  beta_slow: optionalNumber,
  mscale: z.number().nullish(),
  mscale_all_dim: z.number().nullish(),
  truncate: z.boolean().nullish().describe('true or false'),
  ...original,
  ...attentionFactor,
})
const factors = z.array(z.number().positive()).describe('a list of numbers > 0')
const longrope = z.looseObject({
  short_factor: factors,
  long_factor: factors,
  factor: optionalNumber,
  ...original,
  ...attentionFactor,
})

const originalOf = (fields: Readonly<{ original_max_position_embeddings?: number | null }>, context: RopeContext): number =>
  context.original ?? fields.original_max_position_embeddings ?? context.contextLength

const readers: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['default', () => ({ type: 'none' })],
  ['linear', (value, _, where) => ({ type: 'linear', factor: checkJson(linear, value, where).factor })],
  [
    'dynamic',
    (value, _, where) => {
      // It only stretches sequences longer than `max_position_embeddings`, and the context ends there.
      checkJson(linear, value, where)
      return { type: 'none' }
    },
  ],
  [
    'llama3',
    (value, context, where) => {
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
        originalMaxPositionEmbeddings: originalOf(fields, context),
      }
    },
  ],
  [
    'yarn',
    (value, context, where) => {
      const fields = checkJson(yarn, value, where)
      const { mscale, mscale_all_dim: all } = fields
      const originalMaxPositionEmbeddings = originalOf(fields, context)
      const factor = fields.factor ?? context.contextLength / originalMaxPositionEmbeddings
      const grown = (by: number) => (factor <= 1 ? 1 : 0.1 * by * Math.log(factor) + 1)
      return {
        type: 'yarn',
        factor,
        betaFast: fields.beta_fast ?? 32,
        betaSlow: fields.beta_slow ?? 1,
        truncate: fields.truncate ?? true,
        attentionFactor: fields.attention_factor ?? (mscale && all ? grown(mscale) / grown(all) : grown(1)),
        originalMaxPositionEmbeddings,
      }
    },
  ],
  [
    'longrope',
    (value, context, where) => {
      const fields = checkJson(longrope, value, where)
      const originalMaxPositionEmbeddings = originalOf(fields, context)
      const factor = fields.factor ?? context.contextLength / originalMaxPositionEmbeddings
      const grown = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(originalMaxPositionEmbeddings))
      return {
        type: 'longrope',
        shortFactor: fields.short_factor,
        longFactor: fields.long_factor,
        attentionFactor: fields.attention_factor ?? grown,
        originalMaxPositionEmbeddings,
      }
    },
  ],
])

/**
 * Reads the parameters of one kind of scaling.
 *
 * @param types the kinds that the family supports; all by default
 * @throws ModelError for another kind, or when one of its fields is missing
 * @see transformers 5 modeling_rope_utils.py
 */
export function readScaling(
  type: string,
  parameters: unknown,
  context: RopeContext,
  where: string,
  types: readonly string[] = [...readers.keys()],
): RopeScaling {
  const read = types.includes(type) ? readers.get(type) : undefined
  if (read === undefined)
    throw new ModelError(`Expected \`rope_type\` in ${where} to be one of ${types.join(', ')}, got \`${type}\``)
  return read(parameters, context, where)
}
