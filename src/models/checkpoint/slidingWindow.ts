import * as z from 'zod'
import { ModelError } from '../../core/errors.js'
import { positiveInteger } from './readJson.js'

/** Layers whose tokens see only the latest ones. */
export type SlidingWindow = Readonly<{
  /** Tokens a query sees at most, itself included. */
  tokens: number
  /** For each layer, whether it has the window. */
  layers: readonly boolean[]
}>

const LOCAL = 'sliding_attention'
const FULL = 'full_attention'

/** The fields of config.json that say which layers have a sliding window. */
export const slidingWindowFields = {
  sliding_window: positiveInteger.nullish().describe('an integer >= 1 or null'),
  layer_types: z
    .array(z.enum([FULL, LOCAL]))
    .nullish()
    .describe(`a list of \`${FULL}\` and \`${LOCAL}\``),
}

type Fields = Readonly<{ layer_types?: readonly string[] | null | undefined; num_hidden_layers: number }>

/**
 * Which layers have a window: those of `layer_types`, or by `isLocal` where the file has none. Nothing where none has, or where the
 * window is as long as the context.
 *
 * @param tokens length of the window, if the config has one
 * @throws ModelError when `layer_types` is not one a layer, or names local layers of a model without a window
 */
export function readSlidingWindow(
  { layer_types: types, num_hidden_layers: count }: Fields,
  {
    tokens,
    isLocal,
    contextLength,
  }: Readonly<{ tokens: number | null; isLocal: (layer: number) => boolean; contextLength: number }>,
  file: string,
): Readonly<{ slidingWindow?: SlidingWindow }> {
  if (types && types.length !== count)
    throw new ModelError(`Expected \`layer_types\` in ${file} to name ${count} layers, got ${types.length}`)
  const layers = Array.from({ length: count }, (_, layer) => (types ? types[layer] === LOCAL : tokens !== null && isLocal(layer)))
  if (!layers.includes(true)) return {}
  if (tokens === null)
    throw new ModelError(`Expected a \`sliding_window\` in ${file} for the layers that \`layer_types\` calls ${LOCAL}, got none`)
  return tokens >= contextLength ? {} : { slidingWindow: { tokens, layers } }
}
