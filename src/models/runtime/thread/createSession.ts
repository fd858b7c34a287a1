import { open } from 'node:fs/promises'
import { InferenceSession } from 'onnxruntime-node'
import { ModelError } from '../../../core/errors.js'
import type { Dtype } from '../../checkpoint/weights/safetensors.js'
import { quantize } from '../../graph/quantize.js'
import type { TensorInMemory } from '../../graph/weights.js'
import { fromHalf } from './half.js'
import type { SessionSetup } from './protocol.js'

/**
 * A CPU session over a graph, or the file of one, whose weights stay in the checkpoint's own files. Threads do not spin between operators: the language
 * model's and the reward model's sessions take turns on the same cores.
 */
export async function createSession({ graph, folder, threads, inMemory }: SessionSetup): Promise<InferenceSession> {
  const options: InferenceSession.SessionOptions = {
    ...(inMemory.length > 0 && { externalData: await weightsInMemory(inMemory) }),
    executionProviders: ['cpu'],
    graphOptimizationLevel: 'all',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // What fails reaches the callers as an error; it is not printed, too.
    logSeverityLevel: 4,
    extra: { session: { model_external_initializers_file_folder_path: folder, intra_op: { allow_spinning: '0' } } },
  }
  return typeof graph === 'string' ? InferenceSession.create(graph, options) : InferenceSession.create(graph, options)
}

/** A file of weights that exists in memory only, as the runtime takes it. */
type WeightFile = Readonly<{ path: string; data: Uint8Array }>

/**
 * Reads tensors, one after the other, and rounds those that are to be rounded.
 *
 * @throws ModelError for a weight to be rounded that is not finite: its block would have no scale
 */
async function weightsInMemory(tensors: readonly TensorInMemory[]): Promise<WeightFile[]> {
  const files: WeightFile[] = []
  for (const { name, file, dtype, shape, begin, length, bits, transposed, path } of tensors) {
    const data = await bytesAt(file, begin, length)
    if (bits === undefined) {
      files.push({ path, data })
      continue
    }
    const weights = widened(data, dtype)
    const { packed, scales } = quantize(transposed ? turned(weights, shape[1]!) : weights, bits)
    if (!scales.every(Number.isFinite)) throw new ModelError(`Expected finite weights in tensor \`${name}\` of ${file}`)
    files.push({ path, data: packed }, { path: `${path}/scales`, data: new Uint8Array(scales.buffer) })
  }
  return files
}

async function bytesAt(file: string, begin: number, length: number): Promise<Uint8Array> {
  const handle = await open(file)
  try {
    const data = new Uint8Array(length)
    for (let done = 0; done < length; ) {
      const { bytesRead } = await handle.read(data, done, length - done, begin + done)
      if (bytesRead === 0) throw new ModelError(`Expected ${length} bytes at ${begin} of ${file}, got ${done}`)
      done += bytesRead
    }
    return data
  } finally {
    await handle.close()
  }
}

/** A matrix of that many columns with rows and columns changed. */
function turned(values: Float32Array, columns: number): Float32Array {
  const rows = values.length / columns
  const changed = new Float32Array(values.length)
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) changed[column * rows + row] = values[row * columns + column]!
  return changed
}

/** Little-endian F32, F16 or BF16 as fp32. */
function widened(data: Uint8Array, dtype: Dtype): Float32Array {
  const view = new DataView(data.buffer)
  if (dtype === 'F32') return Float32Array.from({ length: data.length / 4 }, (_, i) => view.getFloat32(4 * i, true))
  const values = new Float32Array(data.length / 2)
  const bits = new Uint32Array(values.buffer)
  for (let i = 0; i < values.length; i++) {
    const half = view.getUint16(2 * i, true)
    if (dtype === 'BF16') bits[i] = half << 16
    else values[i] = fromHalf(half)
  }
  return values
}
