import { InferenceSession } from 'onnxruntime-node'
import { ModelError } from '../../../core/errors.js'
import { isBlockType } from '../../checkpoint/gguf/blocks.js'
import { readBlocks } from '../../checkpoint/gguf/repackBlocks.js'
import { isPlain, readBytes, readValues, transpose } from '../../checkpoint/weights/storedTensor.js'
import { quantize } from '../../graph/quantize.js'
import type { TensorInMemory } from '../../graph/weights.js'
import { WEBGPU } from '../device/gpu.js'
import type { SessionSetup } from './protocol.js'

/**
 * Opens a session over a graph or its file. The weights stay in the checkpoint's files. Threads do not spin between operators, because the sessions of
 * language model and reward model take turns on the same cores.
 *
 * @throws Error of the runtime if it cannot use a GPU; `gpuProblem` reads it
 */
export async function createSession({ graph, folder, threads, inMemory, gpuLock }: SessionSetup): Promise<InferenceSession> {
  const options: InferenceSession.SessionOptions = {
    ...(inMemory.length > 0 && { externalData: await weightsInMemory(inMemory) }),
    executionProviders: ['cpu'],
    graphOptimizationLevel: 'all',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // Callers get failures as errors, so the runtime does not print them.
    logSeverityLevel: 4,
    ...(gpuLock && WEBGPU),
    extra: { session: { model_external_initializers_file_folder_path: folder, intra_op: { allow_spinning: '0' } } },
  }
  return typeof graph === 'string' ? InferenceSession.create(graph, options) : InferenceSession.create(graph, options)
}

/** A file of weights that exists in memory only, in the runtime's form. */
type WeightFile = Readonly<{ path: string; data: Uint8Array }>

/**
 * Reads tensors one after the other, converts them to the graph's form and quantises those with `bits`.
 *
 * @throws ModelError if a weight to quantise is not finite: its block would have no scale
 */
async function weightsInMemory(tensors: readonly TensorInMemory[]): Promise<WeightFile[]> {
  const files: WeightFile[] = []
  for (const tensor of tensors) {
    const { path } = tensor
    if (tensor.bits === undefined) {
      files.push({ path, data: isPlain(tensor) ? await readBytes(tensor) : bytesOf(await readValues(tensor)) })
      continue
    }
    const { packed, scales, offsets } = await blocksOf(tensor, tensor.bits)
    if (!scales.every(Number.isFinite) || offsets?.every(Number.isFinite) === false)
      throw new ModelError(`Expected finite weights in tensor \`${tensor.name}\` of ${tensor.file}`)
    files.push({ path, data: packed }, { path: `${path}/scales`, data: bytesOf(scales) })
    if (offsets) files.push({ path: `${path}/offsets`, data: bytesOf(offsets) })
  }
  return files
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
