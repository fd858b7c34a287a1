import * as z from 'zod'
import { checkJson, positiveInteger } from '../readJson.js'
import { activationField } from './activation.js'
import { type DecoderFamily, flag, type Head, type PlainDecoderConfig, plainDecoder, sizeFields } from './decoderConfig.js'

/** A model of the OPT architecture. */
export type OptConfig = PlainDecoderConfig &
  Readonly<{
    family: 'opt'
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
  }>

const schema = z.looseObject({
  ...sizeFields,
  model_type: z.literal('opt').describe('`opt` for this architecture'),
  ffn_dim: positiveInteger,
  word_embed_proj_dim: positiveInteger.nullish().describe('an integer >= 1'),
  do_layer_norm_before: flag,
  _remove_final_layer_norm: flag,
  enable_bias: flag,
  layer_norm_elementwise_affine: flag,
  activation_function: activationField('relu'),
})

/**
 * Reads the config of an OPT model. Absent fields take the defaults of transformers' OPTConfig. Sizes have no default and are required.
 *
 * @throws ModelError with the field, the file, the expectation and the value
 * @see transformers 5 models/opt/configuration_opt.py
 */
export function readOptConfig(json: unknown, head: Head, file: string): OptConfig {
  const fields = checkJson(schema, json, file)
  const sizes = {
    head,
    hiddenSize: fields.hidden_size,
    intermediateSize: fields.ffn_dim,
    layers: fields.num_hidden_layers,
    heads: fields.num_attention_heads,
    activation: fields.activation_function,
    tieWordEmbeddings: fields.tie_word_embeddings ?? true,
    vocabSize: fields.vocab_size,
    contextLength: fields.max_position_embeddings ?? 2048,
  }
  const normBefore = fields.do_layer_norm_before ?? true
  return {
    family: 'opt',
    ...plainDecoder(sizes, 'hidden_size', file),
    embeddingSize: fields.word_embed_proj_dim ?? fields.hidden_size,
    bias: fields.enable_bias ?? true,
    normAffine: fields.layer_norm_elementwise_affine ?? true,
    normBefore,
    finalNorm: normBefore && !fields._remove_final_layer_norm,
  }
}

export const optFamily = {
  modelType: 'opt',
  languageModel: 'OPTForCausalLM',
  rewardModel: 'OPTForSequenceClassification',
  read: readOptConfig,
} as const satisfies DecoderFamily
