import { ModelError } from '../core/errors.js'
import { type Checkpoint, fittingCodec, readWithoutCodec } from './checkpoint/loadCheckpoint.js'
import { type BuiltGraph, buildGraph } from './graph/buildGraph.js'
import type { WeightDtype } from './graph/quantize.js'
import { ModelWorker } from './runtime/ModelWorker.js'
import type { Watch } from './runtime/protocol.js'

/** A checkpoint and the worker that runs it. */
export type LoadedModel = Readonly<{ checkpoint: Checkpoint; worker: ModelWorker }>

type Expected = Readonly<{ head: 'lm' | 'reward'; role: string; dtype?: WeightDtype }>
type Running = Readonly<{ threads: number }> & Watch

/**
 * Reads a model folder and writes its graph; loads no weights.
 *
 * @throws ModelError when the folder cannot be used, or has another head than was asked for
 */
export async function readModel(path: string, expected: Expected): Promise<Checkpoint & { graph: BuiltGraph }> {
  const model = await readGraph(path, expected)
  return { ...model, codec: await fittingCodec(model) }
}

async function readGraph(path: string, { head, role, dtype }: Expected) {
  const checkpoint = await readWithoutCodec(path)
  const { config, tensors, folder } = checkpoint
  if (config.head !== head) {
    const expected = head === 'lm' ? 'a language model' : 'a reward model'
    throw new ModelError(
      `Expected ${expected} for \`${role}\`, got ${config.head === 'lm' ? 'a language model' : 'a reward model'} in ${folder}`,
    )
  }
  return { ...checkpoint, graph: buildGraph(config, tensors, dtype) }
}

/**
 * Reads a model folder and starts its worker, which loads the weights while the tokenizer is read here.
 *
 * @throws ModelError when the folder cannot be used, or has another head than was asked for
 */
export async function loadModel(path: string, { threads, onRun, onTrip, ...expected }: Expected & Running): Promise<LoadedModel> {
  const { graph, ...checkpoint } = await readGraph(path, expected)
  const starting = ModelWorker.start(
    checkpoint.folder,
    {
      graph: graph.model,
      folder: graph.weightsFolder,
      inMemory: graph.inMemory,
      shape: graph.shape,
      masks: graph.masks,
      ...(graph.longAfter !== undefined && { longAfter: graph.longAfter }),
      contextLength: checkpoint.config.contextLength,
      vocabSize: checkpoint.config.vocabSize,
      output: graph.output,
      threads,
    },
    { ...(onRun && { onRun }), ...(onTrip && { onTrip }) },
  )
  const [codec, worker] = await Promise.allSettled([fittingCodec(checkpoint), starting])
  if (worker.status === 'rejected') throw worker.reason
  if (codec.status === 'fulfilled') return { checkpoint: { ...checkpoint, codec: codec.value }, worker: worker.value }
  await worker.value.close()
  throw codec.reason
}
