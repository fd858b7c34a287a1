import type { TensorInMemory } from '../graph/weights.js'
import type { EncoderModel } from './EncoderEngine.js'
import type { EngineModel } from './Engine.js'
import type { OnnxModel } from './OnnxEngine.js'
import type { PackedResults } from './packing.js'

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

/**
 * A call over the thread boundary. `need` of a language model: the n likeliest tokens, or 0 for all. `expected` as in EngineCall. `typeIds`
 * of an encoder: which text each token belongs to, 0 unless given. `states` of a language model: hidden states, as in EngineCall.
 */
export type WorkerCall = Readonly<{
  key: number
  tokenIds: Int32Array
  typeIds?: Int32Array
  branches?: readonly (readonly number[])[]
  need?: number
  expected?: number
  states?: number
}>

export type WorkerResult = Readonly<{ tokenIds?: Int32Array; values: Float32Array }>

/** Milliseconds since the epoch, finer than Date's and the same in every thread. */
export const clock = (): number => performance.timeOrigin + performance.now()

/** Bytes of a KV cache, and of these what its tokens need by themselves. */
export type CacheUsage = Readonly<{ bytes: number; needed: number }>

/** Bytes between the host and a GPU: token ids, positions and slots there, and what was asked back. */
export type Traffic = Readonly<{ up: number; down: number }>

/**
 * One `session.run`: times by `clock`, sequences (`rows`), new tokens of all of them, padding that linear layers compute included, reads of the head, and
 * our KV cache before what is new was written.
 */
export type SessionRun = Readonly<{
  startedAt: number
  endedAt: number
  rows: number
  tokens: number
  reads: number
  cache?: CacheUsage
  traffic?: Traffic
}>

/** A batch's way to a worker and back, times by `clock`: asked for, begun there, answered there, and there again. */
export type Trip = Readonly<{ postedAt: number; receivedAt: number; answeredAt: number; arrivedAt: number }>

/** What those who measure are told of a worker. */
export type Watch = Readonly<{ onRun?: (run: SessionRun) => void; onTrip?: (trip: Trip) => void }>

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
