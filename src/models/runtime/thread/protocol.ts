import type { TensorInMemory } from '../../graph/weights.js'
import type { EngineModel } from '../decoder/Engine.js'
import type { EncoderModel } from '../EncoderEngine.js'
import type { OnnxModel } from '../exported/OnnxEngine.js'
import type { SessionRun } from '../watch.js'

/** What a session is made of. */
export type SessionSetup = Readonly<{
  /** An ONNX graph, or the path of its file; its weights are external data in `folder`. */
  graph: Uint8Array | string
  folder: string
  inMemory: readonly TensorInMemory[]
  threads: number
  /** Set where the model runs on the GPU: Int32[1] that keeps the process's threads from using it at once. */
  gpuLock?: SharedArrayBuffer
  /** Sequences at the same time that the GPU is warmed up for; absent where it is not. */
  warmUp?: number
}>

/**
 * What a worker is started with: a decoder over caches of ours, an encoder, or a ready graph with the cache that it defines. `logprobs`:
 * branches are answered by the log-probabilities of their tokens, with a decoder whose output is the vocabulary's logits.
 */
export type WorkerSetup = SessionSetup &
  ((EngineModel & Readonly<{ logprobs?: boolean }>) | Readonly<{ encoder: EncoderModel }> | OnnxModel)

/** `calls` as packCalls gives them. */
export type ToWorker =
  | Readonly<{ type: 'run'; id: number; calls: Int32Array }>
  | Readonly<{ type: 'release'; key: number }>
  | Readonly<{ type: 'close' }>

export type FromWorker =
  | Readonly<{ type: 'ready' }>
  | Readonly<{ type: 'failed'; message: string }>
  | Readonly<{
      type: 'results'
      id: number
      results: PackedResults
      runs: readonly SessionRun[]
      receivedAt: number
      answeredAt: number
    }>
  | Readonly<{ type: 'error'; id: number; message: string }>
  /** The GPU is gone, and with it every model on it. */
  | Readonly<{ type: 'lost'; message: string }>

/** Results of a batch: how many values each has, 1 where its token ids come with them, and both one after the other. */
export type PackedResults = Readonly<{ counts: Int32Array; sparse: Uint8Array; tokenIds: Int32Array; values: Float32Array }>
