import * as z from 'zod'
import { checkJson, positiveInteger, positiveNumber } from '../readJson.js'
import { type Activation, activationField } from './activation.js'
import { type DecoderFamily, flag, type Head, wholeHeadDim } from './decoderConfig.js'
import { type Rope, readRope, ropeFields } from './rope.js'

/** A model of the GPT-NeoX architecture (Pythia). Widths are in elements, `contextLength` in tokens. */
export type GptNeoxConfig = Rope &
  Readonly<{
    family: 'gpt_neox'
    head: Head
    hiddenSize: number
    intermediateSize: number
    layers: number
    heads: number
    kvHeads: number
    headDim: number
    gatedMlp: false
    /** Whether attention and its output have biases. The feed-forward layer always has them. */
    attentionBias: boolean
    /** Whether attention and the feed-forward layer read the same input, instead of one after the other. */
    parallelResidual: boolean
    layerNormEps: number
    activation: Activation
    tieWordEmbeddings: boolean
    vocabSize: number
    contextLength: number
  }>

const schema = z.looseObject({
  model_type: z.literal('gpt_neox').describe('`gpt_neox` for this architecture'),
  hidden_size: positiveInteger,
  intermediate_size: positiveInteger,
  num_hidden_layers: positiveInteger,
  num_attention_heads: positiveInteger,
  vocab_size: positiveInteger,
  max_position_embeddings: positiveInteger.nullish().describe('an integer >= 1'),
  hidden_act: activationField('gelu'),
  layer_norm_eps: positiveNumber.nullish().describe('a number > 0'),
  use_parallel_residual: flag,
  attention_bias: flag,
  tie_word_embeddings: flag,
  rotary_pct: positiveNumber.max(1).nullish().describe('a number above 0, at most 1'),
  rotary_emb_base: positiveNumber.nullish().describe('a number > 0'),
  rope_scaling: ropeFields.rope_scaling,
  rope_parameters: ropeFields.rope_parameters,
})

/**
 * Reads the config of a GPT-NeoX model. Absent fields take the defaults of transformers' GPTNeoXConfig. Sizes have no default and are required. `rope_parameters` come before `rotary_emb_base` and `rotary_pct` (transformers 4).
 *
 * @throws ModelError with the field, the file, the expectation and the value
 * @see transformers 5 models/gpt_neox/configuration_gpt_neox.py
 */
export function readGptNeoxConfig(json: unknown, head: Head, file: string): GptNeoxConfig {
  const fields = checkJson(schema, json, file)
  const { hidden_size: hiddenSize, num_attention_heads: heads } = fields
  const headDim = wholeHeadDim('hidden_size', hiddenSize, heads, file)
  const { rope_scaling, rope_parameters, rotary_emb_base: rope_theta } = fields
  const partial_rotary_factor = fields.rotary_pct ?? 0.25
  const contextLength = fields.max_position_embeddings ?? 2048
  return {
    family: 'gpt_neox',
    head,
    hiddenSize,
    intermediateSize: fields.intermediate_size,
    layers: fields.num_hidden_layers,
    heads,
    kvHeads: heads,
    headDim,
    gatedMlp: false,
    ...readRope(
      { rope_scaling, rope_parameters, rope_theta, partial_rotary_factor },
      { headDim, contextLength, partial: true },
      file,
    ),
    attentionBias: fields.attention_bias ?? true,
    parallelResidual: fields.use_parallel_residual ?? true,
    layerNormEps: fields.layer_norm_eps ?? 1e-5,
    activation: fields.hidden_act,
    tieWordEmbeddings: fields.tie_word_embeddings ?? false,
    vocabSize: fields.vocab_size,
    contextLength,
  }
}

export const gptNeoxFamily = {
  modelType: 'gpt_neox',
  languageModel: 'GPTNeoXForCausalLM',
  rewardModel: 'GPTNeoXForSequenceClassification',
  read: readGptNeoxConfig,
} as const satisfies DecoderFamily
