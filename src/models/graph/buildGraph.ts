import { dirname } from 'node:path'
import type { ModelConfig } from '../checkpoint/families/config.js'
import type { Tensors } from '../checkpoint/weights/safetensors.js'
import { type Device, type GraphBuilder, graphBuilder } from './builder.js'
import { familyGraphs } from './families/index.js'
import { type NamedRope, ropesOf } from './layers/rope.js'
import { type Mask, masksOf } from './masks.js'
import { needsEvenRows, type WeightDtype } from './quantize.js'
import { graphWeights, type TensorInMemory, type Weights } from './weights.js'

type Families = { [Name in ModelConfig['family']]: Extract<ModelConfig, { family: Name }> }

/** A family writes its inputs, layers and outputs into the graph. */
type Graphs = { readonly [Name in keyof Families]: (graph: GraphBuilder, weights: Weights, config: Families[Name]) => void }

function writeFamily<Name extends keyof Families>(
  graph: GraphBuilder,
  weights: Weights,
  name: Name,
  config: Families[Name],
): void {
  const graphs: Graphs = familyGraphs
  graphs[name](graph, weights, config)
}

/** A graph with all that is needed to run it. */
export type BuiltGraph = Readonly<{
  /** The ONNX file's bytes, without the weights. */
  model: Uint8Array
  /** Real path of the folder in which the weights lie that the session reads from files. */
  weightsFolder: string
  /** Name of the output that the head gives. */
  output: 'logits' | 'reward'
  /** Of a language model: numbers of a hidden state that the head reads. */
  hiddenSize?: number
  /** What the cache keeps of each position. */
  shape: Readonly<{ layers: number; kvHeads: number; headDim: number }>
  /** Its pairs of mask inputs. */
  masks: readonly Mask[]
  /** Sequences of more tokens have their positions counted from here on, where the tables hold the angles of long ones. */
  longAfter?: number
  /** The tables of positions that are inputs. */
  ropes: readonly NamedRope[]
  /** N, R and H must be even, or the bits of a row depend on how many others there are. */
  evenRows: boolean
  /** Tensors that must be given to the session, some of them rounded; none where it reads all from files. */
  inMemory: readonly TensorInMemory[]
  /** Tensors of the checkpoint that the graph has no use for. */
  unusedTensors: readonly string[]
}>

/**
 * Writes a checkpoint down as an ONNX graph that keeps its weights in the checkpoint's own files.
 *
 * Sizes: B sequences, N new tokens of all of them, one sequence after the other, S of the longest; T cached positions (a multiple of 32, at
 * least 32; all of them may be masked), R tokens at which hidden states are read, H of these at which a language model's head is, V vocabulary; L layers;
 * D = headDim. Linear layers see N tokens; attention alone is padded.
 *
 * - in: `input_ids`, `position_ids` int64 [N, 1]; `slots` int64 [B, S]: which of the N tokens each place of a row holds (padding: any); `places`
 *   int64 [N, 1]: where each token lies among the B · S places; `past_bias` float [B, 1, 1 or S, T] and `self_bias` float [1 or B, 1, S, S], added to
 *   the scores: 0 where a token may attend and -1e9 where it may not (finite, so that no row gives NaN; exp makes it an exact
 *   zero); a token attends at least to itself; `local_past_bias` and `local_self_bias` the same for layers with a sliding window, either
 *   pair only where a layer needs it (`masks`); `read_positions` int64 [R], indices into N; of a language model `head_positions` int64 [H], indices
 *   into R; of a rotary model `rope_cos` and `rope_sin` float [P, rotaryDim / 2], row by position, and of one whose local layers have a rope of their
 *   own `local_rope_cos` and `local_rope_sin`; `past_key.l`, `past_value.l` float [B, kvHeads, T, D] for l < L, finite everywhere, masked positions included
 * - out: `logits` float [H, 1, V] and `hidden_states` float [R, 1, hiddenSize], or `reward` float [R, 1]; `key.l`, `value.l` float [B, kvHeads, S, D]: of the new tokens only, keys
 *   already rotated
 * - errors: `ModelError` when a tensor is missing or of the wrong shape
 */
export function buildGraph(
  config: ModelConfig,
  tensors: Tensors,
  dtype: WeightDtype = 'fp32',
  device: Device = 'cpu',
): BuiltGraph {
  const graph = graphBuilder(config.family, device)
  const weights = graphWeights(graph, tensors, dtype)
  writeFamily(graph, weights, config.family, config)
  const { layers, kvHeads, headDim } = config
  const longAfter = longAfterOf(config)
  return {
    model: graph.model(),
    weightsFolder: dirname(tensors.files[0]!),
    output: config.head === 'lm' ? 'logits' : 'reward',
    ...(config.head === 'lm' && { hiddenSize: 'embeddingSize' in config ? config.embeddingSize : config.hiddenSize }),
    shape: { layers, kvHeads, headDim },
    masks: masksOf(config),
    ...(longAfter !== undefined && { longAfter }),
    ropes: ropesOf(config),
    evenRows: needsEvenRows(weights.inMemory),
    inMemory: weights.inMemory,
    unusedTensors: tensors.names.filter((name) => !weights.taken.has(name)),
  }
}

/** Tokens of the longest sequence with the positions of short ones, where a model has others for longer ones. */
export function longAfterOf(config: ModelConfig): number | undefined {
  if (!('ropeScaling' in config) || config.ropeScaling.type !== 'longrope') return undefined
  const after = config.ropeScaling.originalMaxPositionEmbeddings
  return after < config.contextLength ? after : undefined
}
