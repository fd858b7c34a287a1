import * as z from 'zod'
import { checkJson } from '../readJson.js'
import { type DecoderConfig, type DecoderFamily, decoderFields, type Head, readDecoder, silu } from './decoderConfig.js'
import { readLocalLayers, slidingWindowFields, slidingWindowOf } from './slidingWindow.js'

/** A model of the Phi-3 architecture (up to Phi-4): Llama with joined projections and, in some models, partly rotated heads. */
export type Phi3Config = DecoderConfig & Readonly<{ family: 'phi3' }>

const schema = z.looseObject({
  ...decoderFields,
  ...slidingWindowFields,
  model_type: z.literal('phi3').describe('`phi3` for this architecture'),
  layer_types: z.null().optional().describe('absent (all layers of this family have the same window)'),
  hidden_act: silu,
})

/** Names of LongRoPE in the first checkpoints. */
const aliases = { su: 'longrope', yarn: 'longrope' }

/**
 * Reads the config of a Phi-3 model. Absent fields take the defaults of transformers' Phi3Config.
 *
 * @throws ModelError with the field, the file, the expectation and the value
 * @see transformers 5 models/phi3/configuration_phi3.py
 */
export function readPhi3Config(json: unknown, head: Head, file: string): Phi3Config {
  const fields = checkJson(schema, json, file)
  const original = fields.original_max_position_embeddings ?? 4096
  const rope = { original, types: ['default', 'longrope'], aliases, partial: true }
  const decoder = readDecoder(fields, head, { contextLength: 4096, rmsNormEps: 1e-5, rope }, file)
  const tokens = fields.sliding_window ?? null
  const layers = readLocalLayers(fields, () => tokens !== null, file)
  return { family: 'phi3', ...decoder, ...slidingWindowOf(layers, { ...decoder, tokens }, file) }
}

export const phi3Family = {
  modelType: 'phi3',
  languageModel: 'Phi3ForCausalLM',
  rewardModel: 'Phi3ForSequenceClassification',
  read: readPhi3Config,
} as const satisfies DecoderFamily
