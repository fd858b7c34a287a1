import * as z from 'zod'
import { ModelError } from '../../../core/errors.js'
import { checkJson, positiveInteger, positiveNumber } from '../readJson.js'
import { type DecoderConfig, type DecoderFamily, type Head, readSizes } from './decoderConfig.js'
import { gemmaFields } from './gemma2Config.js'
import { type Rope, ropeOf } from './rope.js'
import { FULL, LOCAL, readLocalLayers, slidingWindowOf } from './slidingWindow.js'

/** A text model of the Gemma 3 architecture. Its `Rope` fields are for full layers. */
export type Gemma3Config = DecoderConfig &
  Readonly<{
    family: 'gemma3'
    /** Whether q, k, v and o projections have biases. */
    attentionBias: boolean
    /** Attention scores are divided by the square root of this number. */
    queryPreAttnScalar: number
    /** The soft cap on logits. */
    finalLogitSoftcapping?: number
    /** Whether each layer is local. */
    localLayers: readonly boolean[]
    /** The positions of local layers. */
    localRope: Rope
  }>

const schema = z.looseObject({
  ...gemmaFields,
  model_type: z.literal('gemma3_text').describe('`gemma3_text` for this architecture'),
  sliding_window_pattern: positiveInteger.nullish().describe('an integer >= 1'),
  rope_local_base_freq: positiveNumber.nullish().describe('a number > 0'),
  attn_logit_softcapping: z.null().optional().describe('null: this family has no soft cap of attention scores'),
})

/** Supported kinds of rotary scaling. LongRoPE is not one: its angles would change with the length, in full layers only. */
const types = ['default', 'linear', 'dynamic', 'llama3', 'yarn']

/**
 * Reads the config of a Gemma 3 text model. Absent fields take the defaults of transformers' Gemma3TextConfig: every sixth layer
 * is full, and all others are local.
 *
 * @throws ModelError with the field, the file, the expectation and the value
 * @see transformers 5 models/gemma3/configuration_gemma3.py
 */
export function readGemma3Config(json: unknown, head: Head, file: string): Gemma3Config {
  const fields = checkJson(schema, json, file)
  const sizes = readSizes(fields, head, { contextLength: 131_072, kvHeads: 4, headDim: 256, tieWordEmbeddings: true }, file)
  const tokens = fields.sliding_window === undefined ? 4096 : fields.sliding_window
  const pattern = fields.sliding_window_pattern ?? 6
  const localLayers = readLocalLayers(fields, (layer) => (layer + 1) % pattern !== 0, file)
  const final = fields.final_logit_softcapping
  return {
    family: 'gemma3',
    ...sizes,
    ...slidingWindowOf(localLayers, { ...sizes, tokens }, file),
    localLayers,
    ...readRopes(fields, sizes, file),
    attentionBias: fields.attention_bias ?? false,
    queryPreAttnScalar: fields.query_pre_attn_scalar ?? 256,
    ...(final != null && { finalLogitSoftcapping: final }),
  }
}

/**
 * Reads the positions of both kinds of layers: `rope_parameters` by kind (transformers 5), or `rope_theta` and `rope_scaling` for full
 * layers and `rope_local_base_freq` for local ones (transformers 4).
 */
function readRopes(fields: z.output<typeof schema>, sizes: Readonly<{ headDim: number; contextLength: number }>, file: string) {
  const byKind = fields.rope_parameters ?? {}
  const other = Object.keys(byKind).find((key) => key !== FULL && key !== LOCAL)
  if (other !== undefined)
    throw new ModelError(`Expected \`rope_parameters\` of ${file} to have \`${FULL}\` and \`${LOCAL}\` only, got \`${other}\``)
  const rope = (kind: string, theta: number, scaling?: Readonly<Record<string, unknown>> | null) => {
    const own = checkJson(z.looseObject({}).nullish(), byKind[kind], `rope_parameters of ${file}`)
    const where = `${scaling ? 'rope_scaling' : `rope_parameters.${kind}`} of ${file}`
    return ropeOf({ ...own, ...scaling }, {}, { ...sizes, theta, types }, where, file)
  }
  return {
    ...rope(FULL, fields.rope_theta ?? 1_000_000, fields.rope_scaling),
    localRope: rope(LOCAL, fields.rope_local_base_freq ?? 10_000),
  }
}

export const gemma3Family = {
  modelType: 'gemma3_text',
  languageModel: 'Gemma3ForCausalLM',
  rewardModel: 'Gemma3TextForSequenceClassification',
  read: readGemma3Config,
} as const satisfies DecoderFamily
