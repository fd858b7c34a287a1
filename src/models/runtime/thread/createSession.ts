import { InferenceSession } from 'onnxruntime-node'
import type { SessionSetup } from './protocol.js'
import { weightsInMemory } from './weightsInMemory.js'

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
