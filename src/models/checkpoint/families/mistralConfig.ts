import * as z from 'zod'
import { checkJson } from '../readJson.js'
import { type DecoderConfig, type DecoderFamily, decoderFields, type Head, readDecoder, silu } from './decoderConfig.js'
import { readLocalLayers, slidingWindowFields, slidingWindowOf } from './slidingWindow.js'

/** A model of the Mistral architecture: Llama with a sliding window in all layers. */
export type MistralConfig = DecoderConfig & Readonly<{ family: 'mistral' }>

const schema = z.looseObject({
  ...decoderFields,
  ...slidingWindowFields,
  model_type: z.literal('mistral').describe('`mistral` for this architecture'),
  layer_types: z.null().optional().describe('absent (all layers of this family have the same window)'),
  hidden_act: silu,
})

/**
 * Reads the config of a Mistral model. Absent fields take the defaults of transformers' MistralConfig: an absent
 * `sliding_window` means 4,096 tokens, and `null` means no window.
 *
 * @throws ModelError with the field, the file, the expectation and the value
 * @see transformers 5 models/mistral/configuration_mistral.py
 */
export function readMistralConfig(json: unknown, head: Head, file: string): MistralConfig {
  const fields = checkJson(schema, json, file)
  const decoder = readDecoder(fields, head, { contextLength: 131_072, kvHeads: 8 }, file)
  const tokens = fields.sliding_window === undefined ? 4096 : fields.sliding_window
  const layers = readLocalLayers(fields, () => tokens !== null, file)
  return { family: 'mistral', ...decoder, ...slidingWindowOf(layers, { ...decoder, tokens }, file) }
}

export const mistralFamily = {
  modelType: 'mistral',
  languageModel: 'MistralForCausalLM',
  rewardModel: 'MistralForSequenceClassification',
  read: readMistralConfig,
} as const satisfies DecoderFamily
