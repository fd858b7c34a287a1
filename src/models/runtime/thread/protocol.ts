import type { TensorInMemory } from '../../graph/weights.js'
import type { EngineModel } from '../decoder/Engine.js'
import type { EncoderModel } from '../EncoderEngine.js'
import type { OnnxModel } from '../exported/OnnxEngine.js'
import type { SessionRun } from '../watch.js'
import type { WeightCache } from './cachedWeights.js'

/** What `createSession` needs. */
export type SessionSetup = Readonly<{
  /** An ONNX graph, or the path of its file; its weights are external data in `folder`. */
  graph: Uint8Array | string
  folder: string
  inMemory: readonly TensorInMemory[]
  threads: number
  /** Where rounded weights are kept; absent if they are rounded at each start. */
  cache?: WeightCache
  /** Present if the model runs on the GPU: Int32[1], the lock that the process's threads share. */
  gpuLock?: SharedArrayBuffer
  /** Warms up the GPU for this many sequences at the same time. */
  warmUp?: number
}>

/**
 * The model of a worker: a decoder over our caches, an encoder, or an exported graph with its own cache. `logprobs`: a decoder with logits answers
 * branches by the log-probabilities of their tokens.
 */
export type WorkerSetup = SessionSetup &
  ((EngineModel & Readonly<{ logprobs?: boolean }>) | Readonly<{ encoder: EncoderModel }> | OnnxModel)

/** `calls`: the result of packCalls. */
export type ToWorker =
  | Readonly<{ type: 'run'; id: number; calls: Int32Array }>
  | Readonly<{ type: 'release'; key: number }>
  | Readonly<{ type: 'close' }>

export type FromWorker =
  /** `notices` are warnings that are no errors. */
  | Readonly<{ type: 'ready'; notices: readonly string[] }>
  | Readonly<{ type: 'failed'; message: string }>
  | Readonly<{
      type: 'results'
      id: number
      results: PackedResults
      runs: readonly SessionRun[]
      receivedAt: number
      answeredAt: number
    }>
  | Readonly<{ type: 'error'; id: number; message: string; isOutOfMemory: boolean }>
  /** The GPU is lost or full, and no model on it can go on. */
  | Readonly<{ type: 'lost'; message: string }>

/** Results of a batch: values per result (`counts`), 1 for each result with token ids (`sparse`), and all token ids and values in order. */
export type PackedResults = Readonly<{ counts: Int32Array; sparse: Uint8Array; tokenIds: Int32Array; values: Float32Array }>
