import * as z from 'zod'
import { checkJson } from '../readJson.js'
import { type DecoderConfig, type DecoderFamily, decoderFields, flag, type Head, readDecoder, silu } from './decoderConfig.js'

/** A model of the Llama architecture. */
export type LlamaConfig = DecoderConfig &
  Readonly<{
    family: 'llama'
    /** Whether q, k, v and o projections have biases. */
    attentionBias: boolean
    /** Whether gate, up and down projections have biases. */
    mlpBias: boolean
  }>

const schema = z.looseObject({
  ...decoderFields,
  model_type: z.literal('llama').describe('`llama` for this architecture'),
  attention_bias: flag,
  mlp_bias: flag,
  hidden_act: silu,
  // Other values multiply projections slice by slice, to round as in pretraining. The graphs do not.
  pretraining_tp: z.literal(1).nullish().describe('1'),
})

/**
 * Reads the config of a Llama model. Absent fields take the defaults of transformers' LlamaConfig. Sizes have no default and are
 * required.
 *
 * @throws ModelError with the field, the file, the expectation and the value
 * @see transformers 5 models/llama/configuration_llama.py
 */
export function readLlamaConfig(json: unknown, head: Head, file: string): LlamaConfig {
  const fields = checkJson(schema, json, file)
  return {
    family: 'llama',
    ...readDecoder(fields, head, { contextLength: 2048 }, file),
    attentionBias: fields.attention_bias ?? false,
    mlpBias: fields.mlp_bias ?? false,
  }
}

export const llamaFamily = {
  modelType: 'llama',
  languageModel: 'LlamaForCausalLM',
  rewardModel: 'LlamaForSequenceClassification',
  read: readLlamaConfig,
} as const satisfies DecoderFamily
