import { MessageChannel } from 'node:worker_threads'
import { InferenceSession } from 'onnxruntime-node'
import { ModelError } from '../../../core/errors.js'
import { isBlockType } from '../../checkpoint/gguf/blocks.js'
import { readBlocks } from '../../checkpoint/gguf/repackBlocks.js'
import { isPlain, readBytes, readValues, transpose } from '../../checkpoint/weights/storedTensor.js'
import { quantize } from '../../graph/quantize.js'
import type { TensorInMemory } from '../../graph/weights.js'
import { WEBGPU } from '../device/webgpu.js'
import { cachedWeights, cacheNotice, type WeightCache, type WeightFile } from './cachedWeights.js'
import type { SessionSetup } from './protocol.js'

/**
 * How long a thread waits awake for the next part of a run. Within a run the next part comes sooner, and waking a thread takes longer than that. Longer
 * waits would take the cores from the other model, whose turn is next.
 */
const SPIN_US = 30

/**
 * Opens a session over a graph or its file. The weights stay in the checkpoint's files.
 *
 * @throws Error of the runtime if it cannot use a GPU; `gpuProblem` reads it
 */
export async function createSession(
  { graph, folder, threads, inMemory, gpuLock, cache }: SessionSetup,
  onNotice: (notice: string) => void,
): Promise<InferenceSession> {
  // The runtime reads all weights from one folder or none, so an entry also holds those that are not rounded.
  const isRounded = inMemory.some(({ bits }) => bits !== undefined)
  const entry = cache && isRounded ? await entryOf(cache, inMemory, onNotice) : undefined
  const files = entry === undefined ? await filesOf(inMemory) : []
  const options: InferenceSession.SessionOptions = {
    ...(files.length > 0 && { externalData: files }),
    executionProviders: ['cpu'],
    graphOptimizationLevel: 'all',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // Callers get failures as errors, so the runtime does not print them.
    logSeverityLevel: 4,
    ...(gpuLock && WEBGPU),
    extra: {
      session: {
        model_external_initializers_file_folder_path: entry ?? folder,
        intra_op: { allow_spinning: '1', spin_duration_us: String(SPIN_US) },
      },
      // Otherwise the runtime would widen a matrix of 16-bit numbers anew in each run if it has more than 1 GiB in fp32.
      ...(typeof graph !== 'string' && { optimization: { constant_folding_max_output_size_in_bytes: '0' } }),
    },
  }
  try {
    return await (typeof graph === 'string' ? InferenceSession.create(graph, options) : InferenceSession.create(graph, options))
  } finally {
    free(files)
  }
}

/** Frees the files' memory at once, of which the runtime has copies: the message that takes it is never read. */
function free(files: readonly WeightFile[]): void {
  const { port1, port2 } = new MessageChannel()
  port1.postMessage(null, [...new Set(files.map(({ data }) => data.buffer as ArrayBuffer))])
  port1.close()
  port2.close()
}

/** One tensor after the other, because each may need several times its own memory. */
async function filesOf(tensors: readonly TensorInMemory[]): Promise<WeightFile[]> {
  const files: WeightFile[] = []
  const pooled = pool()
  for (const tensor of tensors) for (const { path, data } of await weightFiles(tensor)) files.push({ path, data: pooled(data) })
  return files
}

/** The folder of the weights in the cache; nothing if the cache cannot be used. */
async function entryOf(
  cache: WeightCache,
  tensors: readonly TensorInMemory[],
  onNotice: (notice: string) => void,
): Promise<string | undefined> {
  try {
    return await cachedWeights(cache, tensors, weightFiles)
  } catch (error) {
    if (error instanceof ModelError) throw error
    onNotice(cacheNotice(cache.folder, error))
    return undefined
  }
}

/**
 * Reads a tensor, makes it if it is not in its file as it is, and rounds it if it is to be rounded.
 *
 * @throws ModelError if a weight to quantise is not finite: its block would have no scale
 */
async function weightFiles(tensor: TensorInMemory): Promise<WeightFile[]> {
  const { path } = tensor
  if (tensor.bits === undefined)
    return [{ path, data: isPlain(tensor) ? await readBytes(tensor) : bytesOf(await readValues(tensor)) }]
  const { packed, scales, offsets } = await blocksOf(tensor, tensor.bits)
  if (!scales.every(Number.isFinite) || offsets?.every(Number.isFinite) === false)
    throw new ModelError(`Expected finite weights in tensor \`${tensor.name}\` of ${tensor.file}`)
  return [
    { path, data: packed },
    { path: `${path}.scales`, data: bytesOf(scales) },
    ...(offsets ? [{ path: `${path}.offsets`, data: bytesOf(offsets) }] : []),
  ]
}

/** Bytes of a part of the pool, and the multiple that tensors begin at. */
const [PART, ALIGNED] = [2 ** 26, 64]

/**
 * Copies small pieces of memory into large parts. The system gets a large part back when it is freed; many small pieces would stay with the
 * allocator of this thread.
 */
function pool(): (data: Uint8Array) => Uint8Array {
  let part = new Uint8Array(0)
  let used = 0
  return (data) => {
    if (data.length >= PART) return data
    if (used + data.length > part.length) {
      part = new Uint8Array(PART)
      used = 0
    }
    const copy = part.subarray(used, used + data.length)
    copy.set(data)
    used += Math.ceil(data.length / ALIGNED) * ALIGNED
    return copy
  }
}

const bytesOf = ({ buffer }: Float32Array): Uint8Array => new Uint8Array(buffer)

async function blocksOf(
  { stored, transposed, ...tensor }: TensorInMemory,
  bits: 4 | 8,
): Promise<Readonly<{ packed: Uint8Array; scales: Float32Array; offsets?: Float32Array }>> {
  const { dtype } = tensor
  if (stored && isBlockType(dtype)) return readBlocks({ ...tensor, dtype })
  const values = await readValues(tensor)
  return quantize(transposed ? transpose(values, tensor.shape[1]!) : values, bits)
}
