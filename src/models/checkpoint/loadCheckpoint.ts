import { join, resolve } from 'node:path'
import type { TextCodec } from '../../core/model.js'
import { checkFolder } from './checkFolder.js'
import { type ModelConfig, readConfig } from './families/config.js'
import { type GenerationConfig, readGenerationConfig } from './generationConfig.js'
import { readJson, readOptionalJson } from './readJson.js'
import { fitVocabulary } from './tokenizer/fitVocabulary.js'
import { type CodecOptions, loadCodec, type PairCodec } from './tokenizer/loadCodec.js'
import { type OtherFiles, otherFiles } from './unread/otherFiles.js'
import { refuseAdapter } from './unread/refuseAdapter.js'
import { bodyNames } from './weights/bodyNames.js'
import { readSafetensors, type Tensors } from './weights/safetensors.js'

/** A Hugging Face model folder, read and validated; the weights themselves stay in their files. */
export type Checkpoint = Readonly<{
  /** Absolute path. */
  folder: string
  config: ModelConfig
  tensors: Tensors
  others: OtherFiles
  generation: GenerationConfig
  codec: TextCodec
}>

/**
 * Reads a Hugging Face model folder: config, generation config, headers of the weights, tokenizer and chat template. Whether
 * each tensor is there in its right shape is asked by whoever builds with it (`tensors.require`).
 *
 * @throws ModelError when the folder, or a file in it, is missing, damaged or of a kind that is not supported: one line that
 * says what, where, and what was expected
 */
export async function loadCheckpoint(path: string, options: CodecOptions = {}): Promise<Checkpoint> {
  const checkpoint = await readWithoutCodec(path)
  return { ...checkpoint, codec: await fittingCodec(checkpoint, options) }
}

/** All of a model folder but its tokenizer, which takes the longest to read. */
export async function readWithoutCodec(path: string): Promise<Omit<Checkpoint, 'codec'>> {
  const folder = resolve(path)
  await checkFolder(folder)
  await refuseAdapter(folder)
  const configFile = join(folder, 'config.json')
  const generationFile = join(folder, 'generation_config.json')
  const json = await readJson(configFile)
  const config = readConfig(json, configFile)
  const generationJson = await readOptionalJson(generationFile)
  const generation = readGenerationConfig(
    { json, file: configFile },
    generationJson && { json: generationJson, file: generationFile },
    config.vocabSize,
  )
  const tensors = await readSafetensors(folder)
  return { folder, config, tensors: bodyNames(tensors), others: await otherFiles(folder, tensors), generation }
}

/** @throws ModelError when the tokenizer cannot be read, or is another model's */
export async function fittingCodec(
  { folder, config }: Readonly<{ folder: string; config: Pick<ModelConfig, 'vocabSize'> }>,
  options: CodecOptions = {},
): Promise<PairCodec> {
  return fitVocabulary(folder, config.vocabSize, await loadCodec(folder, options))
}
