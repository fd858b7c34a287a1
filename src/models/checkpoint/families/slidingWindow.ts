import * as z from 'zod'
import { ModelError } from '../../../core/errors.js'
import { positiveInteger } from '../readJson.js'

/** Layers in which a token sees only the latest tokens. */
export type SlidingWindow = Readonly<{
  /** The most tokens that a query sees, itself included. */
  tokens: number
  /** Whether each layer has the window. */
  layers: readonly boolean[]
}>

export const LOCAL = 'sliding_attention'
export const FULL = 'full_attention'

/** The fields of config.json that tell which layers have a sliding window. */
export const slidingWindowFields = {
  sliding_window: positiveInteger.nullish().describe('an integer >= 1 or null'),
  layer_types: z
    .array(z.enum([FULL, LOCAL]))
    .nullish()
    .describe(`a list of \`${FULL}\` and \`${LOCAL}\``),
}

type Fields = Readonly<{ layer_types?: readonly string[] | null | undefined; num_hidden_layers: number }>

/**
 * Reads whether each layer is local, from `layer_types`, or from `isLocal` if the file has none.
 *
 * @throws ModelError unless `layer_types` has one entry for each layer
 */
export function readLocalLayers(fields: Fields, isLocal: (layer: number) => boolean, file: string): readonly boolean[] {
  const { layer_types: types, num_hidden_layers: count } = fields
  if (types && types.length !== count)
    throw new ModelError(`Expected \`layer_types\` in ${file} to name ${count} layers, got ${types.length}`)
  return Array.from({ length: count }, (_, layer) => (types ? types[layer] === LOCAL : isLocal(layer)))
}

/**
 * The window of local layers; nothing if no layer is local or the window is as long as the context.
 *
 * @throws ModelError when there are local layers and `tokens` is null
 */
export function slidingWindowOf(
  layers: readonly boolean[],
  { tokens, contextLength }: Readonly<{ tokens: number | null; contextLength: number }>,
  file: string,
): Readonly<{ slidingWindow?: SlidingWindow }> {
  if (!layers.includes(true)) return {}
  if (tokens === null) throw new ModelError(`Expected a \`sliding_window\` in ${file} for its local layers, got none`)
  return tokens >= contextLength ? {} : { slidingWindow: { tokens, layers } }
}
