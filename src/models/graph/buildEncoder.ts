import { dirname } from 'node:path'
import type { EncoderConfig, EncoderFamily } from '../checkpoint/families/encoderConfig.js'
import type { Tensors } from '../checkpoint/weights/safetensors.js'
import { type GraphBuilder, graphBuilder, type Value } from './builder.js'
import { bert, roberta } from './families/bert.js'
import type { EncoderReading } from './layers/encoder.js'
import type { WeightDtype } from './quantize.js'
import { graphWeights, type TensorInMemory, type Weights } from './weights.js'

/** Writes inputs and layers of a family into the graph and returns the value to read. `body`: prefix of the body's tensor names. */
type Family = (graph: GraphBuilder, weights: Weights, config: EncoderConfig, body: string, read: EncoderReading) => Value

const families: Readonly<Record<EncoderFamily, Family>> = { bert, roberta, 'xlm-roberta': roberta }

/** Prefix of the body's tensors in a model with a head. A bare model has none. */
const prefixes: Readonly<Record<EncoderFamily, string>> = { bert: 'bert.', roberta: 'roberta.', 'xlm-roberta': 'roberta.' }

/** A graph and what a session needs to run it. The fields are those of BuiltGraph. */
export type BuiltEncoder = Readonly<{
  model: Uint8Array
  weightsFolder: string
  /** Numbers per text. */
  width: number
  inMemory: readonly TensorInMemory[]
  unusedTensors: readonly string[]
}>

/**
 * Writes an encoder as an ONNX graph whose weights stay in the checkpoint's files.
 *
 * - in: `input_ids`, `token_type_ids`, `position_ids` int64 [B, S]; `bias` float [B, 1, 1, S], 0 for a token and -1e9 for padding;
 *   `pooling` float [B, 1, S], the weights of the positions in the mean, 0 for padding
 * - out: `values` float [B, width]
 * - errors: `ModelError` if a tensor is missing or has the wrong shape, or the family has no such reading
 */
export function buildEncoder(
  config: EncoderConfig,
  tensors: Tensors,
  read: EncoderReading,
  dtype: WeightDtype = 'fp32',
): BuiltEncoder {
  const { family, hiddenSize } = config
  const graph = graphBuilder(family)
  const weights = graphWeights(graph, tensors, dtype)
  const prefix = prefixes[family]
  const body = tensors.has(`${prefix}embeddings.word_embeddings.weight`) ? prefix : ''
  const width = typeof read === 'string' ? hiddenSize : 1
  graph.output('values', families[family](graph, weights, config, body, read), 'float', ['B', width])
  return {
    model: graph.model(),
    weightsFolder: dirname(tensors.files[0]!),
    width,
    inMemory: weights.inMemory,
    unusedTensors: tensors.names.filter((name) => !weights.usedNames.has(name)),
  }
}
