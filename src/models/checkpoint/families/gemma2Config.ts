import * as z from 'zod'
import { checkJson, positiveNumber } from '../readJson.js'
import { type DecoderConfig, type DecoderFamily, decoderFields, flag, type Head, readDecoder } from './decoderConfig.js'
import { readLocalLayers, slidingWindowFields, slidingWindowOf } from './slidingWindow.js'

/** A model of the Gemma 2 architecture. */
export type Gemma2Config = DecoderConfig &
  Readonly<{
    family: 'gemma2'
    /** Whether q, k, v and o projections have biases. */
    attentionBias: boolean
    /** Attention scores are divided by the square root of this number. */
    queryPreAttnScalar: number
    /** The soft cap on attention scores. */
    attnLogitSoftcapping?: number
    /** The soft cap on logits. */
    finalLogitSoftcapping?: number
  }>

const cap = positiveNumber.nullish().describe('a number > 0 or null')

/** The fields that Gemma 2 and Gemma 3 add to the common ones. */
export const gemmaFields = {
  ...decoderFields,
  ...slidingWindowFields,
  attention_bias: flag,
  query_pre_attn_scalar: positiveNumber.nullish().describe('a number > 0'),
  attn_logit_softcapping: cap,
  final_logit_softcapping: cap,
  hidden_activation: z
    .literal('gelu_pytorch_tanh')
    .nullish()
    .describe('`gelu_pytorch_tanh` (this family supports no other activation)'),
  use_bidirectional_attention: z.literal(false).nullish().describe('false: tokens see only those before them'),
}

const schema = z.looseObject({ ...gemmaFields, model_type: z.literal('gemma2').describe('`gemma2` for this architecture') })

/**
 * Reads the config of a Gemma 2 model. Absent fields take the defaults of transformers' Gemma2Config: soft caps of 50 on
 * attention scores and 30 on logits, where `null` means no cap, and a local layer before each full one.
 *
 * @throws ModelError with the field, the file, the expectation and the value
 * @see transformers 5 models/gemma2/configuration_gemma2.py
 */
export function readGemma2Config(json: unknown, head: Head, file: string): Gemma2Config {
  const fields = checkJson(schema, json, file)
  const decoder = readDecoder(fields, head, { contextLength: 8192, kvHeads: 4, headDim: 256, tieWordEmbeddings: true }, file)
  const tokens = fields.sliding_window === undefined ? 4096 : fields.sliding_window
  const layers = readLocalLayers(fields, (layer) => layer % 2 === 0, file)
  const [attention, final] = [fields.attn_logit_softcapping, fields.final_logit_softcapping]
  return {
    family: 'gemma2',
    ...decoder,
    ...slidingWindowOf(layers, { ...decoder, tokens }, file),
    attentionBias: fields.attention_bias ?? false,
    queryPreAttnScalar: fields.query_pre_attn_scalar ?? 256,
    ...(attention !== null && { attnLogitSoftcapping: attention ?? 50 }),
    ...(final !== null && { finalLogitSoftcapping: final ?? 30 }),
  }
}

export const gemma2Family = {
  modelType: 'gemma2',
  languageModel: 'Gemma2ForCausalLM',
  rewardModel: 'Gemma2ForSequenceClassification',
  read: readGemma2Config,
} as const satisfies DecoderFamily
