import * as z from 'zod'
import { checkJson, positiveInteger } from '../readJson.js'
import { type Activation, activationField } from './activation.js'
import { type DecoderFamily, flag, type Head, wholeHeadDim } from './decoderConfig.js'

/** A model of the OPT architecture. Widths are in elements, `contextLength` in tokens. */
export type OptConfig = Readonly<{
  family: 'opt'
  head: Head
  hiddenSize: number
  intermediateSize: number
  layers: number
  heads: number
  kvHeads: number
  headDim: number
  gatedMlp: false
  /** Width of the embedding and of the head's input. Projections connect it to a different `hiddenSize`. */
  embeddingSize: number
  /** Whether linear layers have biases. Projections to and from the embedding's width never have them. */
  bias: boolean
  /** Whether layer norms have weights and biases. */
  normAffine: boolean
  /** Whether norms come before attention and the feed-forward layer, instead of after each residual sum (OPT-350m). */
  normBefore: boolean
  /** Whether a norm follows the last layer. */
  finalNorm: boolean
  activation: Activation
  tieWordEmbeddings: boolean
  vocabSize: number
  contextLength: number
}>

const schema = z.looseObject({
  model_type: z.literal('opt').describe('`opt` for this architecture'),
  hidden_size: positiveInteger,
  ffn_dim: positiveInteger,
  num_hidden_layers: positiveInteger,
  num_attention_heads: positiveInteger,
  vocab_size: positiveInteger,
  max_position_embeddings: positiveInteger.nullish().describe('an integer >= 1'),
  word_embed_proj_dim: positiveInteger.nullish().describe('an integer >= 1'),
  do_layer_norm_before: flag,
  _remove_final_layer_norm: flag,
  enable_bias: flag,
  layer_norm_elementwise_affine: flag,
  activation_function: activationField('relu'),
  tie_word_embeddings: flag,
})

/**
 * Reads the config of an OPT model. Absent fields take the defaults of transformers' OPTConfig; the sizes have none and must
 * be there.
 *
 * @throws ModelError with the field, the file, the expectation and the value
 * @see transformers 5 models/opt/configuration_opt.py
 */
export function readOptConfig(json: unknown, head: Head, file: string): OptConfig {
  const fields = checkJson(schema, json, file)
  const { hidden_size: hiddenSize, num_attention_heads: heads } = fields
  const normBefore = fields.do_layer_norm_before ?? true
  return {
    family: 'opt',
    head,
    hiddenSize,
    intermediateSize: fields.ffn_dim,
    layers: fields.num_hidden_layers,
    heads,
    kvHeads: heads,
    headDim: wholeHeadDim('hidden_size', hiddenSize, heads, file),
    gatedMlp: false,
    embeddingSize: fields.word_embed_proj_dim ?? hiddenSize,
    bias: fields.enable_bias ?? true,
    normAffine: fields.layer_norm_elementwise_affine ?? true,
    normBefore,
    finalNorm: normBefore && !fields._remove_final_layer_norm,
    activation: fields.activation_function,
    tieWordEmbeddings: fields.tie_word_embeddings ?? true,
    vocabSize: fields.vocab_size,
    contextLength: fields.max_position_embeddings ?? 2048,
  }
}

export const optFamily = {
  modelType: 'opt',
  languageModel: 'OPTForCausalLM',
  rewardModel: 'OPTForSequenceClassification',
  read: readOptConfig,
} as const satisfies DecoderFamily
