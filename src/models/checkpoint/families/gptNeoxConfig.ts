import * as z from 'zod'
import { checkJson, positiveInteger, positiveNumber } from '../readJson.js'
import { activationField } from './activation.js'
import { type DecoderFamily, flag, type Head, type PlainDecoderConfig, plainDecoder, sizeFields } from './decoderConfig.js'
import { type Rope, readRope, ropeFields } from './rope.js'

/** A model of the GPT-NeoX architecture (Pythia). */
export type GptNeoxConfig = PlainDecoderConfig &
  Rope &
  Readonly<{
    family: 'gpt_neox'
    /** Whether attention and its output have biases. The feed-forward layer always has them. */
    attentionBias: boolean
    /** Whether attention and the feed-forward layer read the same input, instead of one after the other. */
    parallelResidual: boolean
    layerNormEps: number
  }>

const schema = z.looseObject({
  ...sizeFields,
  model_type: z.literal('gpt_neox').describe('`gpt_neox` for this architecture'),
  intermediate_size: positiveInteger,
  hidden_act: activationField('gelu'),
  layer_norm_eps: positiveNumber.nullish().describe('a number > 0'),
  use_parallel_residual: flag,
  attention_bias: flag,
  rotary_pct: positiveNumber.max(1).nullish().describe('a number above 0, at most 1'),
  rotary_emb_base: positiveNumber.nullish().describe('a number > 0'),
  rope_scaling: ropeFields.rope_scaling,
  rope_parameters: ropeFields.rope_parameters,
})

/**
 * Reads the config of a GPT-NeoX model. Absent fields take the defaults of transformers' GPTNeoXConfig. Sizes have no default and are required.
 * `rope_parameters` come before `rotary_emb_base` and `rotary_pct` (transformers 4).
 *
 * @throws ModelError with the field, the file, the expectation and the value
 * @see transformers 5 models/gpt_neox/configuration_gpt_neox.py
 */
export function readGptNeoxConfig(json: unknown, head: Head, file: string): GptNeoxConfig {
  const fields = checkJson(schema, json, file)
  const sizes = {
    head,
    hiddenSize: fields.hidden_size,
    intermediateSize: fields.intermediate_size,
    layers: fields.num_hidden_layers,
    heads: fields.num_attention_heads,
    activation: fields.hidden_act,
    tieWordEmbeddings: fields.tie_word_embeddings ?? false,
    vocabSize: fields.vocab_size,
    contextLength: fields.max_position_embeddings ?? 2048,
  }
  const decoder = plainDecoder(sizes, 'hidden_size', file)
  const { rope_scaling, rope_parameters, rotary_emb_base: rope_theta } = fields
  const rope = { rope_scaling, rope_parameters, rope_theta, partial_rotary_factor: fields.rotary_pct ?? 0.25 }
  return {
    family: 'gpt_neox',
    ...decoder,
    ...readRope(rope, { ...decoder, partial: true }, file),
    attentionBias: fields.attention_bias ?? true,
    parallelResidual: fields.use_parallel_residual ?? true,
    layerNormEps: fields.layer_norm_eps ?? 1e-5,
  }
}

export const gptNeoxFamily = {
  modelType: 'gpt_neox',
  languageModel: 'GPTNeoXForCausalLM',
  rewardModel: 'GPTNeoXForSequenceClassification',
  read: readGptNeoxConfig,
} as const satisfies DecoderFamily
