import { ModelError } from '../core/errors.js'
import { type Checkpoint, fittingCodec, readWithoutCodec } from './checkpoint/loadCheckpoint.js'
import { type RewardReading, rewardReading } from './checkpoint/rewardHead.js'
import { type BuiltGraph, buildGraph } from './graph/buildGraph.js'
import type { WeightDtype } from './graph/quantize.js'
import { modelFolder } from './modelFolder.js'
import { ModelWorker } from './runtime/ModelWorker.js'
import type { Watch } from './runtime/protocol.js'

/** A checkpoint and the worker that runs it; of a reward also how it is read. */
export type LoadedModel = Readonly<{ checkpoint: Checkpoint; worker: ModelWorker; reading?: RewardReading }>

/** What a model is loaded for. `label`: which one of a classifier's is the reward, by name or index. */
export type Expected = Readonly<{ head: 'lm' | 'reward'; role: string; dtype?: WeightDtype; label?: string }>
type Running = Readonly<{ threads: number }> & Watch

/**
 * Reads a model folder and writes its graph; loads no weights.
 *
 * @throws ModelError when the folder cannot be used, or has another head than was asked for
 */
export async function readModel(
  path: string,
  expected: Expected,
): Promise<Checkpoint & { graph: BuiltGraph; reading?: RewardReading }> {
  const model = await readGraph(path, expected)
  return { ...model, codec: await fittingCodec(model) }
}

async function readGraph(
  path: string,
  { head, role, dtype, label }: Expected,
): Promise<Omit<Checkpoint, 'codec'> & { graph: BuiltGraph; reading?: RewardReading }> {
  const checkpoint = await readWithoutCodec(await modelFolder(path))
  const { tensors, folder } = checkpoint
  if (head === 'lm') {
    const { config } = checkpoint
    if (config.head !== 'lm' || config.bare)
      throw new ModelError(
        `Expected a language model for \`${role}\`, got ${config.bare ? 'a body without a head' : 'a reward model'} in ${folder}`,
      )
    return { ...checkpoint, graph: buildGraph(config, tensors, dtype) }
  }
  const reading = rewardReading(checkpoint, label, role)
  return { ...checkpoint, config: reading.config, graph: buildGraph(reading.config, tensors, dtype), reading }
}

/**
 * Reads a model folder and starts its worker, which loads the weights while the tokenizer is read here.
 *
 * @throws ModelError when the folder cannot be used, or has another head than was asked for
 * @throws OptionError for a label that a reward model does not have
 */
export async function loadModel(path: string, { threads, onRun, onTrip, ...expected }: Expected & Running): Promise<LoadedModel> {
  const { graph, reading, ...checkpoint } = await readGraph(path, expected)
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
      logprobs: reading?.kind === 'vocabulary',
      threads,
    },
    { ...(onRun && { onRun }), ...(onTrip && { onTrip }) },
  )
  const [codec, worker] = await Promise.allSettled([fittingCodec(checkpoint), starting])
  if (worker.status === 'rejected') throw worker.reason
  if (codec.status === 'fulfilled')
    return { checkpoint: { ...checkpoint, codec: codec.value }, worker: worker.value, ...(reading && { reading }) }
  await worker.value.close()
  throw codec.reason
}
