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

/** A graph and what a session needs to run it. */
export type BuiltGraph = Readonly<{
  /** The ONNX file's bytes, without the weights. */
  model: Uint8Array
  /** Real path of the folder with the weights that the session reads from files. */
  weightsFolder: string
  /** Name of the head's output. */
  output: 'logits' | 'reward'
  /** Of a language model: size of the hidden states that the head reads. */
  hiddenSize?: number
  /** Sizes of the cache at each position. */
  shape: Readonly<{ layers: number; kvHeads: number; headDim: number }>
  /** The pairs of mask inputs. */
  masks: readonly Mask[]
  /** Longer sequences count positions from here on: the tables hold the angles of long sequences from this row. */
  longAfter?: number
  /** The position tables among the inputs. */
  ropes: readonly NamedRope[]
  /** N, R and H must be even; otherwise the bits of a row depend on the number of rows. */
  evenRows: boolean
  /** Tensors that the caller passes to the session, some of them quantised. Empty if the session reads all from files. */
  inMemory: readonly TensorInMemory[]
  /** Tensors of the checkpoint that the graph uses in fp16. */
  halves: ReadonlySet<string>
  /** Tensors of the checkpoint that the graph does not use. */
  unusedTensors: readonly string[]
}>

/**
 * Writes a checkpoint as an ONNX graph whose weights stay in the checkpoint's files.
 *
 * Sizes: B sequences; N new tokens in all, one sequence after the other, at most S each; T cached positions (a multiple of 32, at least 32, any
 * of them masked); R tokens whose hidden states are read, H of these for a language model's head; V vocabulary; L layers; D = headDim. Linear
 * layers see N tokens; only attention is padded.
 *
 * - in: `input_ids`, `position_ids` int64 [N, 1]; `slots` int64 [B, S]: the token (of N) in each place of a row (padding: any); `places`
 *   int64 [N, 1]: the place (of B · S) of each token; `past_bias` float [B, 1, 1 or S, T] and `self_bias` float [1 or B, 1, S, S], added to
 *   the scores: 0 where a token may attend, else -1e9 (finite, so that no row becomes NaN; its exponential is an exact zero). A token attends
 *   at least to itself; `local_past_bias` and `local_self_bias`: the same for layers with a sliding window. The graph has only the pairs that
 *   its layers need (`masks`); `read_positions` int64 [R], indices into N; of a language model `head_positions` int64 [H], indices
 *   into R, and `top` int64 [1], how many top logits to find (K); of a rotary model `rope_cos` and `rope_sin` float [P, rotaryDim / 2], row by
 *   position, and of one with separate ropes in local layers `local_rope_cos` and `local_rope_sin`; `past_key.l`, `past_value.l`
 *   float [B, kvHeads, T, D] for l < L, finite everywhere, masked positions included
 * - out: `logits` float [H, 1, V], `tops` float [H, 2K + 1] (topTokens.ts) and `hidden_states` float [R, 1, hiddenSize], or `reward` float [R, 1];
 *   `key.l`, `value.l` float [B, kvHeads, S, D]: of the new tokens only, keys already rotated
 * - errors: `ModelError` if a tensor is missing, has the wrong shape or does not fit on the device
 *
 * @param largest most bytes of a tensor (default: the device's); larger matrices are cut into parts
 */
export function buildGraph(
  config: ModelConfig,
  tensors: Tensors,
  dtype: WeightDtype = 'fp32',
  device: Device = 'cpu',
  largest?: number,
): BuiltGraph {
  const graph = graphBuilder(config.family, device, device === 'webgpu' && dtype === 'fp16' ? 'float16' : 'float')
  const weights = graphWeights(graph, tensors, dtype, largest)
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
    halves: weights.halves,
    unusedTensors: tensors.names.filter((name) => !weights.usedNames.has(name)),
  }
}

/** Length of the longest sequence with short-sequence positions. Undefined if all lengths have the same positions. */
export function longAfterOf(config: ModelConfig): number | undefined {
  if (!('ropeScaling' in config) || config.ropeScaling.type !== 'longrope') return undefined
  const after = config.ropeScaling.originalMaxPositionEmbeddings
  return after < config.contextLength ? after : undefined
}
