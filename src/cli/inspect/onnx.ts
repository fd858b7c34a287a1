import { fittingCodec } from '../../models/checkpoint/loadCheckpoint.js'
import type { OnnxFile } from '../../models/onnx/findOnnx.js'
import type { OnnxConfig } from '../../models/onnx/readOnnxConfig.js'
import { readOnnxModel } from '../../models/onnx/readOnnxModel.js'
import { readsAhead } from '../../models/runtime/exported/planOnnx.js'
import { bytes, sizeOfOnnx } from '../print/describeModel.js'
import type { InspectedLine } from './line.js'

/** Describes an exported ONNX graph. */
export async function inspectOnnx(
  onnx: OnnxFile,
): Promise<Readonly<{ lines: readonly InspectedLine[]; problems: readonly string[]; config: OnnxConfig }>> {
  const model = await readOnnxModel(onnx)
  const { folder, config, contract, opened, generation } = model
  const codec = await fittingCodec({ folder, config })
  const { weightBytes, cacheBytes } = await sizeOfOnnx(onnx, model)
  const [plane] = contract.planes
  const cache = plane
    ? `${contract.planes.length / 2} layers of ${plane.heads} heads of width ${plane.headDim} in ${plane.type}, ${readsAhead(contract) ? 'long prompts read in pieces' : 'prompts read as a whole'}`
    : 'none: each step reads the whole sequence'
  const lines: InspectedLine[] = [
    ['folder', folder],
    ['files', opened.names.join(', ')],
    ['family', `${config.family}, ${config.head === 'lm' ? 'language model' : 'reward model'} (exported ONNX graph)`],
    ['inputs', ['input_ids', ...contract.inputs].join(', ')],
    ['logits', contract.pooled ? 'of the sequence' : 'of each position'],
    ['cache', cache],
    ['batches', contract.rowsApart ? 'of sequences of equal length' : 'none: its operators may mix rows'],
    ['context', `${config.contextLength} tokens`],
    ['vocabulary', `${config.vocabSize}, ${codec.vocabSize} of them with text`],
    ['end tokens', generation.endTokenIds.join(', ') || 'none: replies end at the token limit'],
    ['memory', `${bytes(weightBytes)} of files, ${bytes(cacheBytes)} of cache per token`],
  ]
  return { lines, problems: [], config }
}
