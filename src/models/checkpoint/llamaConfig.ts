import * as z from 'zod'
import { ModelError } from '../../core/errors.js'
import { checkJson, positiveInteger, positiveNumber } from './readJson.js'
import { type Rope, readRope, ropeFields } from './ropeScaling.js'

/** What is read at a position: logits over the vocabulary, or one reward. */
export type Head = 'lm' | 'reward'

/** A model of the Llama architecture. Widths are in elements, `contextLength` in tokens. */
export type LlamaConfig = Rope &
  Readonly<{
    family: 'llama'
    head: Head
    hiddenSize: number
    intermediateSize: number
    layers: number
    heads: number
    /** Heads of keys and values; each serves `heads / kvHeads` query heads. */
    kvHeads: number
    headDim: number
    /** Whether q, k, v and o projections have biases. */
    attentionBias: boolean
    /** Whether gate, up and down projections have biases. */
    mlpBias: boolean
    rmsNormEps: number
    /** Whether the output projection is the embedding. */
    tieWordEmbeddings: boolean
    vocabSize: number
    contextLength: number
  }>

const flag = z.boolean().nullish().describe('true or false')

const schema = z.looseObject({
  model_type: z.literal('llama').describe('`llama` for this architecture'),
  hidden_size: positiveInteger,
  intermediate_size: positiveInteger,
  num_hidden_layers: positiveInteger,
  num_attention_heads: positiveInteger,
  num_key_value_heads: positiveInteger.nullish().describe('an integer >= 1'),
  head_dim: positiveInteger.nullish().describe('an integer >= 1'),
  attention_bias: flag,
  mlp_bias: flag,
  // "swish" is another name of the same function.
  hidden_act: z.enum(['silu', 'swish']).nullish().describe('`silu` (no other activation is built for this family)'),
  rms_norm_eps: positiveNumber.nullish().describe('a number > 0'),
  tie_word_embeddings: flag,
  vocab_size: positiveInteger,
  max_position_embeddings: positiveInteger.nullish().describe('an integer >= 1'),
  // Slices of projections multiplied one by one: a detail of how rounding went in pretraining, which no graph here repeats.
  pretraining_tp: z.literal(1).nullish().describe('1'),
  ...ropeFields,
})

/**
 * Reads the config of a Llama model. Fields that are absent have the defaults of transformers' LlamaConfig; the sizes have
 * none and must be there.
 *
 * @throws ModelError naming the field, the file, what was expected and what is there
 * @see transformers 5 models/llama/configuration_llama.py
 */
export function readLlamaConfig(json: unknown, head: Head, file: string): LlamaConfig {
  const fields = checkJson(schema, json, file)
  const { hidden_size: hiddenSize, num_attention_heads: heads } = fields
  const kvHeads = fields.num_key_value_heads ?? heads
  if (heads % kvHeads !== 0)
    throw new ModelError(`Expected \`num_key_value_heads\` in ${file} to divide ${heads} attention heads, got \`${kvHeads}\``)
  if (fields.head_dim == null && hiddenSize % heads !== 0)
    throw new ModelError(
      `Expected \`hidden_size\` in ${file} to be a multiple of ${heads} attention heads, got \`${hiddenSize}\``,
    )
  const headDim = fields.head_dim ?? hiddenSize / heads
  if (headDim % 2 !== 0)
    throw new ModelError(`Expected an even head width in ${file} (positions rotate pairs), got \`${headDim}\``)
  return {
    family: 'llama',
    head,
    hiddenSize,
    intermediateSize: fields.intermediate_size,
    layers: fields.num_hidden_layers,
    heads,
    kvHeads,
    headDim,
    attentionBias: fields.attention_bias ?? false,
    mlpBias: fields.mlp_bias ?? false,
    rmsNormEps: fields.rms_norm_eps ?? 1e-6,
    ...readRope(fields, file),
    tieWordEmbeddings: fields.tie_word_embeddings ?? false,
    vocabSize: fields.vocab_size,
    contextLength: fields.max_position_embeddings ?? 2048,
  }
}
