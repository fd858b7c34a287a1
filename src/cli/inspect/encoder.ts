import { ModelError } from '../../core/errors.js'
import { loadEncoderCheckpoint } from '../../models/checkpoint/loadEncoderCheckpoint.js'
import { type SentenceModules, sentenceModules } from '../../models/checkpoint/sentenceModules.js'
import { buildEncoder } from '../../models/graph/buildEncoder.js'
import { unreadOfEncoder } from '../../models/loadEncoder.js'
import { bytes, count, sizeOf } from '../print/describeModel.js'
import { describeLabels, unreadNames } from './describeHeads.js'
import type { InspectedLine } from './line.js'

/**
 * Describes the folder of an encoder.
 *
 * @throws ModelError if the encoder cannot be used
 */
export async function inspectEncoder(path: string, architecture: string): Promise<readonly InspectedLine[]> {
  const checkpoint = await loadEncoderCheckpoint(path)
  const { folder, config, tensors, others, codec } = checkpoint
  const { labels, family } = config
  const reading = labels.length > 0 ? { label: 0 } : 'mean'
  const { unusedTensors } = buildEncoder(config, tensors, reading)
  unreadOfEncoder(checkpoint, unusedTensors, reading)
  const pooled = labels.length > 0 ? undefined : describePooling(await sentenceModules(folder))
  const { parameters = 0, dtypes, weightBytes } = sizeOf(config, tensors)
  const unused = [
    ...unusedTensors.filter((name) => labels.length > 0 || !hasUse(name, () => buildEncoder(config, tensors, 'pooler'))),
    ...unreadNames(others),
  ]
  return [
    ['folder', folder],
    ['family', `${family}, encoder (${architecture})`],
    ['heads', labels.length > 0 ? describeLabels(labels) : 'none: for embeddings'],
    ...(pooled === undefined ? [] : [['pooling', pooled] as const]),
    ['layers', `${config.layers} of width ${config.hiddenSize}, ${config.heads} heads`],
    ['parameters', `${count(parameters)} (${parameters})`],
    ['dtype', `${dtypes.join(', ')}, computed as fp32`],
    ['context', `${config.contextLength} tokens`],
    ['vocabulary', `${config.vocabSize}, ${codec.vocabSize} of them with text`],
    ['memory', `${bytes(weightBytes)} of weights, no cache`],
    ...(unused.length > 0 ? [['unused', unused.join(', '), unused] as const] : []),
  ]
}

const describePooling = ({ pooling = 'mean', refusal, normalize }: SentenceModules): string =>
  `${refusal === undefined ? pooling : 'choose one with --pooling'}${normalize ? ', embeddings of length 1' : ''}`

/** Tells whether a graph uses the tensor. A graph that cannot be built uses none. */
function hasUse(name: string, build: () => Readonly<{ unusedTensors: readonly string[] }>): boolean {
  try {
    return !build().unusedTensors.includes(name)
  } catch (error) {
    if (error instanceof ModelError) return false
    throw error
  }
}
