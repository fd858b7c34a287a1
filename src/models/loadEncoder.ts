import { availableParallelism } from 'node:os'
import * as z from 'zod'
import type { EncodedPair } from '../core/batched.js'
import { ShapeError } from '../core/errors.js'
import { parseOptions } from '../core/parseOptions.js'
import { type EncoderCheckpoint, loadEncoderCheckpoint } from './checkpoint/loadEncoderCheckpoint.js'
import { buildEncoder } from './graph/buildEncoder.js'
import type { EncoderReading } from './graph/layers/encoder.js'
import type { WeightDtype } from './graph/quantize.js'
import { ModelWorker } from './runtime/thread/ModelWorker.js'
import type { Watch } from './runtime/watch.js'

/** An encoder's checkpoint and the worker that runs it. */
export type StartedEncoder = Readonly<{ checkpoint: EncoderCheckpoint; worker: ModelWorker }>

type Running = Readonly<{ threads: number; dtype?: WeightDtype }> & Watch

/** Starts the worker of an encoder of which `read` is read. */
export async function startEncoder(
  checkpoint: EncoderCheckpoint,
  read: EncoderReading,
  { threads, dtype, onRun, onTrip }: Running,
): Promise<StartedEncoder> {
  const { folder, config, tensors } = checkpoint
  const { model, weightsFolder, width, inMemory } = buildEncoder(config, tensors, read, dtype)
  const { paddingPosition } = config
  const encoder = {
    width,
    pooling: read === 'mean' ? 'mean' : 'first',
    ...(paddingPosition !== undefined && { paddingPosition }),
  } as const
  const worker = await ModelWorker.start(
    folder,
    { graph: model, folder: weightsFolder, inMemory, threads, encoder },
    { ...(onRun && { onRun }), ...(onTrip && { onTrip }) },
  )
  return { checkpoint, worker }
}

export const encoderPoolings = ['mean', 'cls', 'pooler'] as const

const encoderOptions = z.strictObject({
  pooling: z.enum(encoderPoolings).default('mean').describe('one of mean, cls, pooler'),
  threads: z.int().min(1).default(availableParallelism()).describe('an integer >= 1'),
})
export type EncoderOptions = z.input<typeof encoderOptions>

/** An encoder for embeddings, in a worker thread of its own. */
export type LoadedEncoder = Readonly<{
  /** Numbers of an embedding. */
  width: number
  /** Tokens of a text at most, special ones included. */
  contextLength: number
  /**
   * Embeddings, one Float32[width] a text; what a text's is depends on no other text.
   *
   * @throws ShapeError when a text is longer than the context: nothing is cut
   */
  embed(texts: readonly string[]): Promise<Float32Array[]>
  close(): Promise<void>
}>

/**
 * Loads an encoder for embeddings. `pooling`: the mean of all tokens' last hidden states (default), the first token's (`cls`), or
 * that through the model's pooler (`pooler`, which SimCSE uses).
 *
 * @throws ModelError when the folder is not an encoder that can be run
 * @throws OptionError for an option that may not be
 */
export async function loadEncoder(path: string, options: EncoderOptions = {}): Promise<LoadedEncoder> {
  const { pooling, threads } = parseOptions(encoderOptions, options)
  const { checkpoint, worker } = await startEncoder(await loadEncoderCheckpoint(path), pooling, { threads })
  const { hiddenSize, contextLength } = checkpoint.config
  return {
    width: hiddenSize,
    contextLength,
    async embed(texts) {
      const encoded = texts.map((text) => {
        const one = checkpoint.encode(text)
        const { length } = one.tokenIds
        if (length >= 1 && length <= contextLength) return one
        throw new ShapeError(
          `Expected a text of 1 to ${contextLength} tokens, the context of ${checkpoint.folder}, got ${length}`,
        )
      })
      return (await worker.run(encoded.map(encoderCall))).map(({ values }) => values)
    },
    close: () => worker.close(),
  }
}

/** Encoded texts as the worker takes them; no cache hangs on the key. */
export const encoderCall = ({ tokenIds, typeIds }: EncodedPair) => ({
  key: NO_KEY,
  tokenIds: Int32Array.from(tokenIds),
  typeIds: Int32Array.from(typeIds),
})

const NO_KEY = {}
