import * as z from 'zod'
import { ModelError } from '../../../core/errors.js'
import { checkJson } from '../readJson.js'
import { type DecoderConfig, type DecoderFamily, decoderFields, flag, type Head, readDecoder, silu } from './decoderConfig.js'
import { LOCAL, readLocalLayers, slidingWindowFields, slidingWindowOf } from './slidingWindow.js'

/** A model of the Qwen2 architecture (Qwen1.5 to Qwen2.5): Llama with biases on queries, keys and values. */
export type Qwen2Config = DecoderConfig & Readonly<{ family: 'qwen2' }>

/** The fields that tell which layers of Qwen2 and Qwen3 have a window. */
export const qwenWindowFields = {
  ...slidingWindowFields,
  use_sliding_window: flag,
  max_window_layers: z.number().int().min(0).nullish().describe('an integer >= 0'),
}

const schema = z.looseObject({
  ...decoderFields,
  ...qwenWindowFields,
  model_type: z.literal('qwen2').describe('`qwen2` for this architecture'),
  hidden_act: silu,
})

/**
 * Reads the config of a Qwen2 model. Absent fields take the defaults of transformers' Qwen2Config.
 *
 * @throws ModelError with the field, the file, the expectation and the value
 * @see transformers 5 models/qwen2/configuration_qwen2.py
 */
export function readQwen2Config(json: unknown, head: Head, file: string): Qwen2Config {
  const fields = checkJson(schema, json, file)
  const decoder = readDecoder(fields, head, { contextLength: 32_768, kvHeads: 32 }, file)
  return { family: 'qwen2', ...decoder, ...readQwenWindow(fields, decoder.contextLength, file) }
}

/** Reads the window, if `use_sliding_window` is true: of the layers that `layer_types` names, or from `max_window_layers` on. */
export function readQwenWindow(
  fields: z.output<z.ZodObject<typeof qwenWindowFields>> & Readonly<{ num_hidden_layers: number }>,
  contextLength: number,
  file: string,
) {
  const { use_sliding_window: used, sliding_window: window, max_window_layers: first, layer_types: types } = fields
  if (!used && types?.includes(LOCAL))
    throw new ModelError(
      `Expected \`use_sliding_window\` in ${file} to be true for the layers that \`layer_types\` calls ${LOCAL}`,
    )
  const tokens = used ? (window === undefined ? 4096 : window) : null
  const layers = readLocalLayers(fields, (layer) => tokens !== null && layer >= (first ?? 28), file)
  return slidingWindowOf(layers, { tokens, contextLength }, file)
}

export const qwen2Family = {
  modelType: 'qwen2',
  languageModel: 'Qwen2ForCausalLM',
  rewardModel: 'Qwen2ForSequenceClassification',
  read: readQwen2Config,
} as const satisfies DecoderFamily
