import * as z from 'zod'
import { checkJson } from '../readJson.js'
import { type DecoderConfig, type DecoderFamily, decoderFields, flag, type Head, readDecoder, silu } from './decoderConfig.js'
import { qwenWindowFields, readQwenWindow } from './qwen2Config.js'

/** A model of the Qwen3 architecture: it normalizes each head of queries and keys. */
export type Qwen3Config = DecoderConfig &
  Readonly<{
    family: 'qwen3'
    /** Whether q, k, v and o projections have biases. */
    attentionBias: boolean
  }>

const schema = z.looseObject({
  ...decoderFields,
  ...qwenWindowFields,
  model_type: z.literal('qwen3').describe('`qwen3` for this architecture'),
  attention_bias: flag,
  hidden_act: silu,
})

/**
 * Reads the config of a Qwen3 model. Absent fields take the defaults of transformers' Qwen3Config.
 *
 * @throws ModelError with the field, the file, the expectation and the value
 * @see transformers 5 models/qwen3/configuration_qwen3.py
 */
export function readQwen3Config(json: unknown, head: Head, file: string): Qwen3Config {
  const fields = checkJson(schema, json, file)
  const decoder = readDecoder(fields, head, { contextLength: 32_768, kvHeads: 32, headDim: 128 }, file)
  const attentionBias = fields.attention_bias ?? false
  return { family: 'qwen3', ...decoder, attentionBias, ...readQwenWindow(fields, decoder.contextLength, file) }
}

export const qwen3Family = {
  modelType: 'qwen3',
  languageModel: 'Qwen3ForCausalLM',
  rewardModel: 'Qwen3ForSequenceClassification',
  read: readQwen3Config,
} as const satisfies DecoderFamily
