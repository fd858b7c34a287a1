import { InferenceSession } from 'onnxruntime-node'
import type { WorkerSetup } from './protocol.js'

/**
 * A CPU session over a graph whose weights stay in the checkpoint's own files. Threads do not spin between operators: the language
 * model's and the reward model's sessions take turns on the same cores.
 */
export const createSession = ({
  graph,
  folder,
  threads,
}: Pick<WorkerSetup, 'graph' | 'folder' | 'threads'>): Promise<InferenceSession> =>
  InferenceSession.create(graph, {
    executionProviders: ['cpu'],
    graphOptimizationLevel: 'all',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // What fails reaches the callers as an error; it is not printed, too.
    logSeverityLevel: 4,
    extra: { session: { model_external_initializers_file_folder_path: folder, intra_op: { allow_spinning: '0' } } },
  })
