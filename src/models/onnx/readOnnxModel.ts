import { join } from 'node:path'
import { ModelError } from '../../core/errors.js'
import { checkFolder } from '../checkpoint/checkFolder.js'
import type { Head } from '../checkpoint/families/config.js'
import { type GenerationConfig, readGenerationConfig } from '../checkpoint/generationConfig.js'
import { readJson, readOptionalJson } from '../checkpoint/readJson.js'
import { refuseAdapter } from '../checkpoint/unread/refuseAdapter.js'
import type { OnnxFile } from './findOnnx.js'
import { type OnnxContract, onnxContract } from './onnxContract.js'
import { type OpenOnnx, openOnnx } from './openOnnx.js'
import { type OnnxConfig, readOnnxConfig } from './readOnnxConfig.js'

/** An exported graph with its contract and config, without weights. */
export type OnnxCheckpoint = Readonly<{
  folder: string
  config: OnnxConfig & Readonly<{ head: Head }>
  generation: GenerationConfig
  contract: OnnxContract
  opened: OpenOnnx
  /** Number of logits per position of a language model, or of labels of a reward. */
  width: number
}>

/**
 * Reads an exported graph's header and the model's config and generation config. A graph with a logit per position and token of the vocabulary is
 * a language model, any other is a reward.
 *
 * @throws ModelError if a file is missing or damaged, the graph is not understood, or its labels differ from config.json
 */
export async function readOnnxModel(onnx: OnnxFile): Promise<OnnxCheckpoint> {
  const { folder, name } = onnx
  const file = join(folder, name)
  await checkFolder(folder)
  await refuseAdapter(folder)
  const configFile = join(folder, 'config.json')
  const json = await readJson(configFile)
  const config = readOnnxConfig(json, configFile)
  const opened = await openOnnx(onnx)
  const contract = onnxContract(opened.header, file)
  const head = !contract.pooled && (contract.width ?? config.vocabSize) === config.vocabSize ? 'lm' : 'reward'
  const labels = config.labels.length
  const width = contract.width ?? (head === 'lm' ? config.vocabSize : labels)
  if (head === 'reward' && width !== labels)
    throw new ModelError(
      `Expected \`logits\` in ${file} of ${labels} labels, as config.json has, or of the vocabulary's ${config.vocabSize}, got ${width}`,
    )
  const generationFile = join(folder, 'generation_config.json')
  const generationJson = await readOptionalJson(generationFile)
  const generation = readGenerationConfig(
    { json, file: configFile },
    generationJson && { json: generationJson, file: generationFile },
    config.vocabSize,
  )
  return { folder, config: { ...config, head }, generation, contract, opened, width }
}
