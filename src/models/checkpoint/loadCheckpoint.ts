import { join, resolve } from 'node:path'
import type { TextCodec } from '../../core/model.js'
import { findAdapter } from './adapter/findAdapter.js'
import { readAdapter } from './adapter/readAdapter.js'
import { checkFolder } from './checkFolder.js'
import { type ModelConfig, readConfig } from './families/config.js'
import { type GenerationConfig, type JsonFile, readGenerationConfig } from './generationConfig.js'
import { isGguf } from './gguf/readGguf.js'
import { readGgufSource } from './gguf/readGgufSource.js'
import { readJson, readOptionalJson } from './readJson.js'
import { fitVocabulary } from './tokenizer/fitVocabulary.js'
import { type CodecOptions, loadCodec, type PairCodec } from './tokenizer/loadCodec.js'
import { type OtherFiles, otherFiles } from './unread/otherFiles.js'
import { refuseAdapter } from './unread/refuseAdapter.js'
import { bodyNames } from './weights/bodyNames.js'
import { readSafetensors, type Tensors } from './weights/safetensors.js'

/** A Hugging Face model folder, or a GGUF file, read and validated; the weights themselves stay in their files. */
export type Checkpoint = Readonly<{
  /** Absolute path of the folder, or of the GGUF file. */
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
  const { json, file, generationConfig, ...source } = await readSource(path)
  const config = readConfig(json, file)
  const generation = readGenerationConfig({ json, file }, generationConfig, config.vocabSize)
  return { ...source, config, generation }
}

/** What the config of a model is read from, and its tensors. */
export type CheckpointSource = Pick<Checkpoint, 'folder' | 'tensors' | 'others'> &
  JsonFile &
  Readonly<{ generationConfig?: JsonFile }>

/**
 * Reads a model folder, a GGUF file, or an adapter with its base model, before anything is made of the config.
 *
 * @throws ModelError as loadCheckpoint
 */
export async function readSource(path: string): Promise<CheckpointSource> {
  if (isGguf(path)) return readGgufSource(resolve(path))
  const adapter = await findAdapter(path)
  return adapter ? readAdapter(adapter, await readSource(adapter.base)) : readFolder(resolve(path))
}

async function readFolder(folder: string): Promise<CheckpointSource> {
  await checkFolder(folder)
  await refuseAdapter(folder)
  const file = join(folder, 'config.json')
  const json = await readJson(file)
  const generationFile = join(folder, 'generation_config.json')
  const generationJson = await readOptionalJson(generationFile)
  const tensors = await readSafetensors(folder)
  return {
    ...{ folder, json, file, tensors: bodyNames(tensors), others: await otherFiles(folder, tensors) },
    ...(generationJson && { generationConfig: { json: generationJson, file: generationFile } }),
  }
}

/** @throws ModelError when the tokenizer cannot be read, or is another model's */
export async function fittingCodec(
  { folder, config }: Readonly<{ folder: string; config: Pick<ModelConfig, 'vocabSize'> }>,
  options: CodecOptions = {},
): Promise<PairCodec> {
  return fitVocabulary(folder, config.vocabSize, await loadCodec(folder, options))
}
