import type { BatchedPairReward, BatchedRewardModel } from '../core/batched.js'
import { ModelError, OptionError, RewardError } from '../core/errors.js'
import { batchedRewardModel } from './batchedModels.js'
import { labelIndex } from './checkpoint/heads/labels.js'
import { type EncoderCheckpoint, isEncoder, loadEncoderCheckpoint, pairEncoding } from './checkpoint/loadEncoderCheckpoint.js'
import type { Device } from './graph/builder.js'
import type { WeightDtype } from './graph/quantize.js'
import { encoderCall, type StartedEncoder, startEncoder } from './loadEncoder.js'
import { type LoadedModel, loadModel } from './loadModel.js'
import { modelFolder } from './modelFolder.js'
import { findOnnx } from './onnx/findOnnx.js'
import type { Watch } from './runtime/watch.js'
import type { CacheOption } from './weightCache.js'

/**
 * A reward model's folder and name. `label` chooses one of a classifier's labels, by name or index. `endToken`: see `BatchedRewardModel`.
 */
export type RewardFolder = Readonly<{ name: string; path: string; label?: string; endToken?: string }>

export type RewardOptions = Readonly<{
  threads: number
  maxBatch: number
  dtype?: WeightDtype
  device?: Device
  largest?: number
  warmUp?: number
}> &
  CacheOption &
  Watch

/** A loaded reward model, with notices about it. */
export type LoadedReward = Readonly<{
  source: BatchedRewardModel | BatchedPairReward
  /** Name of the label, if the model has several. */
  label?: string
  endToken?: string
  notices: readonly string[]
  close(): Promise<void>
}>

/**
 * Loads a reward model of any kind: a decoder with a classifier, value or vocabulary head, an encoder with a classifier, or an exported graph.
 *
 * @throws ModelError if the folder is no reward model that can run
 * @throws OptionError for a label that the model does not have, and an end token for an encoder
 */
export async function loadReward({ name, path, label, endToken }: RewardFolder, options: RewardOptions): Promise<LoadedReward> {
  const { maxBatch, ...running } = options
  const folder = await modelFolder(path)
  const role = `reward ${name}`
  const onnx = await findOnnx(folder, running.dtype)
  const readsPairs = await isEncoder(onnx?.folder ?? folder)
  if (readsPairs && endToken !== undefined)
    throw new OptionError(`Reward \`${name}\` is an encoder and ends a text itself, so \`endToken\` does not apply`)
  if (!onnx && readsPairs) {
    if (running.device === 'webgpu')
      throw new ModelError(`Reward \`${name}\` is an encoder, which runs on the CPU only; use \`device\` cpu`)
    const checkpoint = await loadEncoderCheckpoint(folder)
    const { labels } = checkpoint.config
    const index = encoderLabel(checkpoint, label, role)
    const started = await startEncoder(checkpoint, { label: index }, running)
    const source = batchedPairReward(name, started, maxBatch)
    return {
      source,
      close: () => started.worker.close(),
      notices: [...started.notices, ...(checkpoint.codec.notices ?? [])],
      ...(labels.length > 1 && { label: labels[index]! }),
    }
  }
  const loaded = await loadModel(folder, { ...running, head: 'reward', role, ...(label !== undefined && { label }) })
  const { reading, worker, notices } = loaded
  return {
    source: readsPairs
      ? batchedPairReward(name, asEncoder(loaded), maxBatch)
      : { ...batchedRewardModel(name, loaded, maxBatch), ...(endToken !== undefined && { endToken }) },
    close: () => worker.close(),
    ...(reading?.label !== undefined && { label: reading.label }),
    ...(endToken !== undefined && { endToken }),
    notices: reading?.kind === 'vocabulary' ? [...notices, vocabularyNotice(name)] : notices,
  }
}

/** Notice about a language model as a reward. */
export const vocabularyNotice = (name: string): string =>
  `Reward \`${name}\` is a language model: its reward is the log-probability of the next token, and of a reply the sum over its tokens`

/** Chooses the label of an encoder. */
export function encoderLabel({ config, folder }: EncoderCheckpoint, choice: string | undefined, role: string): number {
  if (config.labels.length === 0)
    throw new ModelError(`Expected a reward model for \`${role}\`, got an encoder without a classifier in ${folder}`)
  return labelIndex(config.labels, choice, { role, folder })
}

type PairModel = Readonly<{
  checkpoint: Pick<EncoderCheckpoint, 'encode' | 'codec'> & Readonly<{ config: Readonly<{ contextLength: number }> }>
  worker: StartedEncoder['worker']
}>

/** Loads an exported graph of an encoder, which reads the same input as the encoder. */
function asEncoder({ checkpoint: { config, codec }, worker }: LoadedModel): PairModel {
  return { checkpoint: { config, codec, encode: pairEncoding(codec, config.family === 'bert') }, worker }
}

/** Makes batched calls of an encoder's classifier. */
function batchedPairReward(name: string, { checkpoint, worker }: PairModel, maxBatch: number): BatchedPairReward {
  const { encode, codec, config } = checkpoint
  return {
    kind: 'pairs',
    name,
    maxBatch,
    render: codec.render,
    encodePair(prompt, completion) {
      const pair = encode(prompt, completion)
      const { length } = pair.tokenIds
      if (length === 0) throw new RewardError(`Reward \`${name}\` cannot read an empty text`)
      if (length <= config.contextLength) return pair
      throw new RewardError(
        `Reward \`${name}\` has a context of ${config.contextLength} tokens, prompt and completion have ${length} of its tokens`,
      )
    },
    async run(calls) {
      const results = await worker.run(calls.flatMap((pairs) => pairs.map(encoderCall)))
      let read = 0
      return calls.map(({ length }) => {
        read += length
        return Float32Array.from(results.slice(read - length, read), ({ values }) => values[0]!)
      })
    },
  }
}
