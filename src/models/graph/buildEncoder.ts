import { dirname } from 'node:path'
import type { EncoderConfig, EncoderFamily } from '../checkpoint/families/encoderConfig.js'
import type { Tensors } from '../checkpoint/weights/safetensors.js'
import { type GraphBuilder, graphBuilder, type Value } from './builder.js'
import { bert, roberta } from './families/bert.js'
import type { EncoderReading } from './layers/encoder.js'
import type { WeightDtype } from './quantize.js'
import { graphWeights, type TensorInMemory, type Weights } from './weights.js'

/** A family writes its inputs and layers into the graph and gives what is read. `body`: what names of the body's tensors begin with. */
type Family = (graph: GraphBuilder, weights: Weights, config: EncoderConfig, body: string, read: EncoderReading) => Value

const families: Readonly<Record<EncoderFamily, Family>> = { bert, roberta, 'xlm-roberta': roberta }

/** What the body is called inside a model with a head; a bare one has no such prefix. */
const prefixes: Readonly<Record<EncoderFamily, string>> = { bert: 'bert.', roberta: 'roberta.', 'xlm-roberta': 'roberta.' }

/** A graph with all that is needed to run it; fields as in BuiltGraph. */
export type BuiltEncoder = Readonly<{
  model: Uint8Array
  weightsFolder: string
  /** Numbers a text. */
  width: number
  inMemory: readonly TensorInMemory[]
  unusedTensors: readonly string[]
}>

/**
 * Writes an encoder down as an ONNX graph that keeps its weights in the checkpoint's own files.
 *
 * - in: `input_ids`, `token_type_ids`, `position_ids` int64 [B, S]; `bias` float [B, 1, 1, S], 0 for a token and -1e9 for padding;
 *   `pooling` float [B, 1, S], the weights of the positions in what is read, 0 for padding
 * - out: `values` float [B, width]
 * - errors: `ModelError` when a tensor is missing or of the wrong shape, or the family cannot be read so
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
    unusedTensors: tensors.names.filter((name) => !weights.taken.has(name)),
  }
}
