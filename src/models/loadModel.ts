import { ModelError } from '../core/errors.js'
import { type Checkpoint, loadCheckpoint } from './checkpoint/loadCheckpoint.js'
import { buildGraph } from './graph/buildGraph.js'
import { ModelWorker } from './runtime/ModelWorker.js'

/** A checkpoint and the worker that runs it. */
export type LoadedModel = Readonly<{ checkpoint: Checkpoint; worker: ModelWorker }>

/**
 * Reads a model folder, writes its graph and starts its worker.
 *
 * @throws ModelError when the folder cannot be used, or has another head than was asked for
 */
export async function loadModel(
  path: string,
  { head, threads, role }: { head: 'lm' | 'reward'; threads: number; role: string },
): Promise<LoadedModel> {
  const checkpoint = await loadCheckpoint(path)
  const { config, tensors, folder } = checkpoint
  if (config.head !== head) {
    const expected = head === 'lm' ? 'a language model' : 'a reward model'
    throw new ModelError(
      `Expected ${expected} for \`${role}\`, got ${config.head === 'lm' ? 'a language model' : 'a reward model'} in ${folder}`,
    )
  }
  const graph = buildGraph(config, tensors)
  const worker = await ModelWorker.start(folder, {
    graph: graph.model,
    folder: graph.weightsFolder,
    shape: graph.shape,
    contextLength: config.contextLength,
    output: graph.output,
    threads,
  })
  return { checkpoint, worker }
}
