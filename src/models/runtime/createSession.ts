import { InferenceSession } from 'onnxruntime-node'
import { WEBGPU } from './device/gpu.js'
import type { SessionSetup } from './protocol.js'
import { weightsInMemory } from './weightsInMemory.js'

/**
 * A session over a graph, or the file of one, whose weights stay in the checkpoint's own files. Threads do not spin between operators: the language
 * model's and the reward model's sessions take turns on the same cores.
 *
 * @throws Error where no GPU can be used: the runtime's own, which `gpuProblem` reads
 */
export async function createSession({ graph, folder, threads, inMemory, gpuLock }: SessionSetup): Promise<InferenceSession> {
  const options: InferenceSession.SessionOptions = {
    ...(inMemory.length > 0 && { externalData: await weightsInMemory(inMemory) }),
    executionProviders: ['cpu'],
    graphOptimizationLevel: 'all',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // What fails reaches the callers as an error; it is not printed, too.
    logSeverityLevel: 4,
    ...(gpuLock && WEBGPU),
    extra: { session: { model_external_initializers_file_folder_path: folder, intra_op: { allow_spinning: '0' } } },
  }
  return typeof graph === 'string' ? InferenceSession.create(graph, options) : InferenceSession.create(graph, options)
}
