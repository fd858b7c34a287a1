import { availableParallelism } from 'node:os'
import * as z from 'zod'
import type { EncodedPair } from '../core/batched.js'
import { ModelError, ShapeError } from '../core/errors.js'
import { parseOptions } from '../core/parseOptions.js'
import { type EncoderCheckpoint, loadEncoderCheckpoint } from './checkpoint/loadEncoderCheckpoint.js'
import { sentenceModules } from './checkpoint/sentenceModules.js'
import { checkUnread } from './checkpoint/unread/checkUnread.js'
import { buildEncoder } from './graph/buildEncoder.js'
import type { EncoderReading } from './graph/layers/encoder.js'
import type { WeightDtype } from './graph/quantize.js'
import { ModelWorker } from './runtime/thread/ModelWorker.js'
import type { Watch } from './runtime/watch.js'
import { type CacheOption, weightCacheOf } from './weightCache.js'

/** An encoder's checkpoint and its worker. */
export type StartedEncoder = Readonly<{ checkpoint: EncoderCheckpoint; worker: ModelWorker; notices: readonly string[] }>

type Running = Readonly<{ threads: number; dtype?: WeightDtype }> & CacheOption & Watch

/** Heads of transformers' models that an embedding ignores, and those that a classifier ignores. */
const OTHER_HEADS = /^((bert|roberta)\.)?pooler\.|^(cls|lm_head|classifier|qa_outputs)\./
const OTHER_THAN_CLASSIFIER = /^((bert|roberta)\.)?pooler\.|^(cls|lm_head|qa_outputs)\./

/**
 * Lists the parts of an encoder's folder that are not read, one line each.
 *
 * @throws ModelError for an unused part that may change the result
 */
export function unreadOfEncoder(checkpoint: EncoderCheckpoint, unused: readonly string[], read: EncoderReading): string[] {
  const isReward = typeof read !== 'string'
  const heads = isReward ? OTHER_THAN_CLASSIFIER : OTHER_HEADS
  return checkUnread({ ...checkpoint, unused, noEffect: (name) => heads.test(name), reads: isReward ? 'reward' : 'encoder' })
}

/** Starts the worker of an encoder that reads `read`. */
export async function startEncoder(
  checkpoint: EncoderCheckpoint,
  read: EncoderReading,
  { threads, dtype, onRun, onTrip, ...kept }: Running,
): Promise<StartedEncoder> {
  const { folder, config, tensors } = checkpoint
  const { model, weightsFolder, width, inMemory, unusedTensors } = buildEncoder(config, tensors, read, dtype)
  const notices = unreadOfEncoder(checkpoint, unusedTensors, read)
  const { paddingPosition } = config
  const encoder = {
    width,
    pooling: read === 'mean' ? 'mean' : 'first',
    ...(paddingPosition !== undefined && { paddingPosition }),
  } as const
  const worker = await ModelWorker.start(
    folder,
    { graph: model, folder: weightsFolder, inMemory, threads, encoder, ...(await weightCacheOf(folder, dtype, kept)) },
    { ...(onRun && { onRun }), ...(onTrip && { onTrip }) },
  )
  return { checkpoint, worker, notices: [...notices, ...worker.notices] }
}

export const encoderPoolings = ['mean', 'cls', 'pooler'] as const

const encoderOptions = z.strictObject({
  pooling: z.enum(encoderPoolings).optional().describe('one of mean, cls, pooler'),
  threads: z.int().min(1).default(availableParallelism()).describe('an integer >= 1'),
})
export type EncoderOptions = z.input<typeof encoderOptions> &
  Readonly<{
    /** Called with warnings that are no errors. */
    onNotice?: (notice: string) => void
  }>

/** An encoder for embeddings, in its own worker thread. */
export type LoadedEncoder = Readonly<{
  /** Size of an embedding. */
  width: number
  /** Most tokens of a text, including special tokens. */
  contextLength: number
  /**
   * Embeds texts: one Float32[width] per text, independent of the other texts.
   *
   * @throws ShapeError if a text is longer than the context; it is never cut
   */
  embed(texts: readonly string[]): Promise<Float32Array[]>
  close(): Promise<void>
}>

/**
 * Loads an encoder for embeddings. `pooling` takes the mean of all tokens' last hidden states (`mean`), the first token's (`cls`), or the first
 * token's through the model's pooler (`pooler`, which SimCSE uses). The default is in the folder's files of sentence-transformers, else `mean`.
 * Embeddings have length 1 if these files say so.
 *
 * @throws ModelError if the folder is no encoder that can run
 * @throws OptionError for an invalid option
 */
export async function loadEncoder(path: string, { onNotice, ...options }: EncoderOptions = {}): Promise<LoadedEncoder> {
  const { pooling: choice, threads } = parseOptions(encoderOptions, options)
  const read = await loadEncoderCheckpoint(path)
  const { pooling: own, refusal, normalize } = await sentenceModules(read.folder)
  if (choice === undefined && refusal !== undefined) throw new ModelError(refusal)
  const pooling = choice ?? own ?? 'mean'
  const { checkpoint, worker, notices } = await startEncoder(read, pooling, { threads })
  for (const notice of notices) onNotice?.(notice)
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
      const embeddings = (await worker.run(encoded.map(encoderCall))).map(({ values }) => values)
      return normalize ? embeddings.map(unitLength) : embeddings
    },
    close: () => worker.close(),
  }
}

/** Scales a vector to length 1. Zeros stay zeros. */
function unitLength(vector: Float32Array): Float32Array {
  const length = Math.max(Math.hypot(...vector), 1e-12)
  return vector.map((value) => value / length)
}

/** Makes a worker's call from an encoded text. The key has no cache. */
export const encoderCall = ({ tokenIds, typeIds }: EncodedPair) => ({
  key: NO_KEY,
  branches: [[]],
  tokenIds: Int32Array.from(tokenIds),
  typeIds: Int32Array.from(typeIds),
})

const NO_KEY = {}
