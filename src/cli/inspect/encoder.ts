import { ModelError } from '../../core/errors.js'
import { loadEncoderCheckpoint } from '../../models/checkpoint/loadEncoderCheckpoint.js'
import { buildEncoder } from '../../models/graph/buildEncoder.js'
import { bytes, count, sizeOf } from '../print/describeModel.js'
import { describeLabels } from './describeHeads.js'

/**
 * What an encoder's folder holds, as lines of a name and a value.
 *
 * @throws ModelError when it cannot be used
 */
export async function inspectEncoder(path: string, architecture: string): Promise<readonly (readonly [string, string])[]> {
  const { folder, config, tensors, codec } = await loadEncoderCheckpoint(path)
  const { labels, family } = config
  const { unusedTensors } = buildEncoder(config, tensors, labels.length > 0 ? { label: 0 } : 'mean')
  const { parameters = 0, dtypes, weightBytes } = sizeOf(config, tensors)
  const unused = unusedTensors.filter((name) => labels.length > 0 || !hasUse(name, () => buildEncoder(config, tensors, 'pooler')))
  return [
    ['folder', folder],
    ['family', `${family}, encoder (${architecture})`],
    ['heads', labels.length > 0 ? describeLabels(labels) : 'none: for embeddings'],
    ['layers', `${config.layers} of width ${config.hiddenSize}, ${config.heads} heads`],
    ['parameters', `${count(parameters)} (${parameters})`],
    ['dtype', `${dtypes.join(', ')}, computed as fp32`],
    ['context', `${config.contextLength} tokens`],
    ['vocabulary', `${config.vocabSize}, ${codec.vocabSize} of them with text`],
    ['memory', `${bytes(weightBytes)} of weights, no cache`],
    ...(unused.length > 0 ? [['unused', unused.join(', ')] as const] : []),
  ]
}

/** Whether a graph that may not be there takes the tensor. */
function hasUse(name: string, build: () => Readonly<{ unusedTensors: readonly string[] }>): boolean {
  try {
    return !build().unusedTensors.includes(name)
  } catch (error) {
    if (error instanceof ModelError) return false
    throw error
  }
}
