import { join } from 'node:path'
import { ModelError } from '../core/errors.js'
import { checkHead, type Expected } from './checkHead.js'
import { labelIndex } from './checkpoint/heads/labels.js'
import { type RewardReading, rewardReading } from './checkpoint/heads/rewardHead.js'
import { type Checkpoint, fittingCodec, readWithoutCodec } from './checkpoint/loadCheckpoint.js'
import type { PairCodec } from './checkpoint/tokenizer/loadCodec.js'
import { checkUnread, inValueHead, inVocabularyHead } from './checkpoint/unread/checkUnread.js'
import type { Tensors } from './checkpoint/weights/safetensors.js'
import { gpuLock } from './device.js'
import type { Device } from './graph/builder.js'
import { type BuiltGraph, buildGraph } from './graph/buildGraph.js'
import type { WeightDtype } from './graph/quantize.js'
import { modelFolder } from './modelFolder.js'
import { findOnnx, type OnnxFile } from './onnx/findOnnx.js'
import { type OnnxCheckpoint, readOnnxModel } from './onnx/readOnnxModel.js'
import { CHUNK } from './runtime/decoder/passes.js'
import { readsAhead } from './runtime/exported/planOnnx.js'
import type { ModelWorker } from './runtime/thread/ModelWorker.js'
import type { Watch } from './runtime/watch.js'
import { startWorker } from './startWorker.js'
import { type CacheOption, weightCacheOf } from './weightCache.js'

/** A model and its worker, with the label of a reward. */
export type LoadedModel = Readonly<{
  checkpoint: Pick<Checkpoint | OnnxCheckpoint, 'folder' | 'config' | 'generation'> &
    Readonly<{ codec: PairCodec; tensors: Pick<Tensors, 'entries'> }>
  worker: ModelWorker
  reading?: Pick<RewardReading, 'kind' | 'label'>
  /** One line for each part of the folder that is not read but may matter. */
  notices: readonly string[]
  /** Size of the last hidden states, if a language model gives them. */
  hiddenSize?: number
  /** Whether a call can have `from`. An exported graph's engine reads one position of a text. */
  logprobs?: true
  /** Long prompts are cut at multiples of this. Absent if prompts are read as a whole. */
  chunk?: number
}>

type ReadGraph = Readonly<{ graph: BuiltGraph; reading?: RewardReading; notices: readonly string[] }>

/** `largest`: most bytes of a tensor on the device (default: those of every device). */
type Running = Readonly<{ threads: number; device?: Device; largest?: number; warmUp?: number }> & CacheOption & Watch

/**
 * Reads a model folder and writes its graph. Loads no weights.
 *
 * @throws ModelError if the folder cannot be used, or has another head than expected
 */
export async function readModel(path: string, expected: Expected, device: Device = 'cpu'): Promise<Checkpoint & ReadGraph> {
  const model = await readCheckpoint(path, expected, device, Number.POSITIVE_INFINITY)
  return { ...model, codec: await fittingCodec(model) }
}

/** Reads a model folder without its tokenizer, and writes the graph for a device. */
export async function readCheckpoint(
  path: string,
  { head, role, dtype, label }: Expected,
  device: Device = 'cpu',
  largest?: number,
): Promise<Omit<Checkpoint, 'codec'> & ReadGraph> {
  const checkpoint = await readWithoutCodec(await modelFolder(path))
  if (head === 'lm') {
    checkHead(checkpoint, { head, role })
    return { ...checkpoint, ...languageModelGraph(checkpoint, dtype, device, largest) }
  }
  const reading = rewardReading(checkpoint, label, role)
  return { ...checkpoint, config: reading.config, reading, ...rewardGraph(checkpoint, reading, dtype, device, largest) }
}

type Built = Pick<Checkpoint, 'folder' | 'config' | 'tensors' | 'others'>
type Graph = Pick<ReadGraph, 'graph' | 'notices'>

/** @throws ModelError if a tensor is missing or has the wrong shape, or an unused tensor may change the result */
export function languageModelGraph(
  checkpoint: Built,
  dtype: WeightDtype | undefined,
  device: Device = 'cpu',
  largest?: number,
): Graph {
  const graph = buildGraph(checkpoint.config, checkpoint.tensors, dtype, device, largest)
  const unread = { ...checkpoint, unused: graph.unusedTensors, noEffect: inValueHead }
  return { graph, notices: checkUnread({ ...unread, reads: 'language model' }) }
}

/** @throws ModelError like a language model */
export function rewardGraph(
  checkpoint: Built,
  { kind, config }: RewardReading,
  dtype: WeightDtype | undefined,
  device: Device = 'cpu',
  largest?: number,
): Graph {
  const graph = buildGraph(config, checkpoint.tensors, dtype, device, largest)
  const noEffect = kind === 'vocabulary' ? () => false : inVocabularyHead
  return { graph, notices: checkUnread({ ...checkpoint, unused: graph.unusedTensors, noEffect, reads: 'reward' }) }
}

/**
 * Reads a model folder, or an exported graph, and starts its worker.
 *
 * @throws ModelError if the model cannot be used, or has another head than expected
 * @throws OptionError for a label that a reward model does not have
 */
export async function loadModel(
  path: string,
  { threads, device = 'cpu', largest, warmUp, cache, hash, onRun, onTrip, ...expected }: Expected & Running,
): Promise<LoadedModel> {
  const watch = { ...(onRun && { onRun }), ...(onTrip && { onTrip }) }
  const onnx = await findOnnx(path, expected.dtype)
  if (onnx && device !== 'cpu')
    throw new ModelError(
      `${join(onnx.folder, onnx.name)} is an exported ONNX graph, which runs on the CPU only; use \`device\` cpu`,
    )
  if (onnx) return loadOnnx(onnx, { threads, ...expected }, watch)
  const { graph, reading, notices, ...checkpoint } = await readCheckpoint(path, expected, device, largest)
  const { folder, config } = checkpoint
  const setup = {
    graph: graph.model,
    folder: graph.weightsFolder,
    inMemory: graph.inMemory,
    shape: graph.shape,
    masks: graph.masks,
    ropes: graph.ropes,
    evenRows: graph.evenRows,
    ...(graph.longAfter !== undefined && { longAfter: graph.longAfter }),
    ...(graph.hiddenSize !== undefined && { hiddenSize: graph.hiddenSize }),
    contextLength: config.contextLength,
    vocabSize: config.vocabSize,
    output: graph.output,
    logprobs: reading?.kind === 'vocabulary',
    threads,
    ...(await weightCacheOf(path, expected.dtype, { ...(cache !== undefined && { cache }), ...(hash && { hash }) })),
    ...(device === 'webgpu' && { gpuLock, ...(warmUp !== undefined && { warmUp }) }),
  }
  const { codec, worker } = await startWorker(folder, setup, watch, fittingCodec(checkpoint))
  const loaded = {
    checkpoint: { ...checkpoint, codec },
    worker,
    chunk: CHUNK,
    ...(graph.output === 'logits' && { logprobs: true as const }),
    notices: [...notices, ...worker.notices],
    ...(reading && { reading }),
  }
  // If positions depend on the length, hidden states change as a sequence grows, so none are remembered.
  return graph.hiddenSize === undefined || graph.longAfter !== undefined ? loaded : { ...loaded, hiddenSize: graph.hiddenSize }
}

async function loadOnnx(onnx: OnnxFile, { threads, ...expected }: Expected & Running, watch: Watch): Promise<LoadedModel> {
  const { opened, contract, width, ...checkpoint } = await readOnnxModel(onnx)
  const { folder, config } = checkpoint
  checkHead(checkpoint, expected)
  const label =
    expected.head === 'reward' ? labelIndex(config.labels, expected.label, { role: expected.role, folder }) : undefined
  const model = { contract, width, ...(label !== undefined && { label }) }
  const setup = { ...(await opened.source()), inMemory: [], threads, ...model }
  const { codec, worker } = await startWorker(join(folder, onnx.name), setup, watch, fittingCodec(checkpoint))
  const named = label === undefined || config.labels.length === 1 ? {} : { label: config.labels[label]! }
  return {
    checkpoint: { ...checkpoint, codec, tensors: { entries: new Map() } },
    worker,
    notices: [],
    ...(readsAhead(contract) && { chunk: CHUNK }),
    ...(label !== undefined && { reading: { kind: 'label', ...named } }),
  }
}
