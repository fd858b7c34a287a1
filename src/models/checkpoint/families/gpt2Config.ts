import * as z from 'zod'
import { checkJson, positiveInteger, positiveNumber } from '../readJson.js'
import { activationField } from './activation.js'
import { type DecoderFamily, flag, type Head, type PlainDecoderConfig, plainDecoder } from './decoderConfig.js'

/** A model of the GPT-2 architecture. */
export type Gpt2Config = PlainDecoderConfig &
  Readonly<{
    family: 'gpt2'
    /** Whether attention scores are divided by the square root of `headDim`. */
    scaleByHeadDim: boolean
    /** Whether attention scores are also divided by the layer's number, starting at 1. */
    scaleByLayer: boolean
    layerNormEps: number
  }>

const schema = z.looseObject({
  model_type: z.literal('gpt2').describe('`gpt2` for this architecture'),
  n_embd: positiveInteger,
  n_layer: positiveInteger,
  n_head: positiveInteger,
  vocab_size: positiveInteger,
  n_inner: positiveInteger.nullish().describe('an integer >= 1'),
  n_positions: positiveInteger.nullish().describe('an integer >= 1'),
  activation_function: activationField('gelu_tanh'),
  layer_norm_epsilon: positiveNumber.nullish().describe('a number > 0'),
  scale_attn_weights: flag,
  scale_attn_by_inverse_layer_idx: flag,
  // Keeps half precision from overflowing. It changes nothing here, because all scores are computed in fp32.
  reorder_and_upcast_attn: flag,
  add_cross_attention: z.literal(false).nullish().describe('false (cross-attention is not supported)'),
  tie_word_embeddings: flag,
})

/** Other names that transformers accepts. */
const aliases: readonly (readonly [alias: string, name: string])[] = [
  ['hidden_size', 'n_embd'],
  ['num_hidden_layers', 'n_layer'],
  ['num_attention_heads', 'n_head'],
  ['max_position_embeddings', 'n_positions'],
]

/**
 * Reads the config of a GPT-2 model. Absent fields take the defaults of transformers' GPT2Config. Sizes have no default and are required.
 *
 * @throws ModelError with the field, the file, the expectation and the value
 * @see transformers 5 models/gpt2/configuration_gpt2.py
 */
export function readGpt2Config(json: Readonly<Record<string, unknown>>, head: Head, file: string): Gpt2Config {
  const renamed = aliases.flatMap(([alias, name]) => (name in json || !(alias in json) ? [] : [[name, json[alias]] as const]))
  const fields = checkJson(schema, { ...json, ...Object.fromEntries(renamed) }, file)
  const sizes = {
    head,
    hiddenSize: fields.n_embd,
    intermediateSize: fields.n_inner ?? 4 * fields.n_embd,
    layers: fields.n_layer,
    heads: fields.n_head,
    activation: fields.activation_function,
    tieWordEmbeddings: fields.tie_word_embeddings ?? true,
    vocabSize: fields.vocab_size,
    contextLength: fields.n_positions ?? 1024,
  }
  return {
    family: 'gpt2',
    ...plainDecoder(sizes, 'n_embd', file),
    scaleByHeadDim: fields.scale_attn_weights ?? true,
    scaleByLayer: fields.scale_attn_by_inverse_layer_idx ?? false,
    layerNormEps: fields.layer_norm_epsilon ?? 1e-5,
  }
}

export const gpt2Family = {
  modelType: 'gpt2',
  languageModel: 'GPT2LMHeadModel',
  rewardModel: 'GPT2ForSequenceClassification',
  read: readGpt2Config,
} as const satisfies DecoderFamily
