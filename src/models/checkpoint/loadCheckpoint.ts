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
import { type OtherFiles, otherFiles, withAdapterFiles } from './unread/otherFiles.js'
import { refuseAdapter } from './unread/refuseAdapter.js'
import { bodyNames } from './weights/bodyNames.js'
import { readSafetensors, type Tensors } from './weights/safetensors.js'

/** A Hugging Face model folder or a GGUF file, read and validated. The weights stay in their files. */
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
 * Reads a model: config, generation config, headers of the weights, tokenizer and chat template. The graph builder checks the tensors
 * and their shapes (`tensors.require`).
 *
 * @throws ModelError when the folder or one of its files is missing, damaged or not supported: one line with what, where, and what was
 * expected
 */
export async function loadCheckpoint(path: string, options: CodecOptions = {}): Promise<Checkpoint> {
  const checkpoint = await readWithoutCodec(path)
  return { ...checkpoint, codec: await fittingCodec(checkpoint, options) }
}

/** Reads a model without its tokenizer, which takes the longest. */
export async function readWithoutCodec(path: string): Promise<Omit<Checkpoint, 'codec'>> {
  const { json, file, generationConfig, ...source } = await readSource(path)
  const config = readConfig(json, file)
  const generation = readGenerationConfig({ json, file }, generationConfig, config.vocabSize)
  return { ...source, config, generation }
}

/** A model's config as JSON, and its tensors. */
export type CheckpointSource = Pick<Checkpoint, 'folder' | 'tensors' | 'others'> &
  JsonFile &
  Readonly<{ generationConfig?: JsonFile }>

/**
 * Reads a model folder, a GGUF file, or an adapter with its base model, and leaves the config as it is.
 *
 * @throws ModelError as loadCheckpoint
 */
export async function readSource(path: string): Promise<CheckpointSource> {
  if (isGguf(path)) return readGgufSource(resolve(path))
  const adapter = await findAdapter(path)
  if (!adapter) return readFolder(resolve(path))
  const read = await readAdapter(adapter, await readSource(adapter.base))
  return { ...read, others: await withAdapterFiles(read.others, adapter.folder) }
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

/**
 * Reads the tokenizer of a model.
 *
 * @throws ModelError when it cannot be read, or does not fit the model's vocabulary
 */
export async function fittingCodec(
  { folder, config }: Readonly<{ folder: string; config: Pick<ModelConfig, 'vocabSize'> }>,
  options: CodecOptions = {},
): Promise<PairCodec> {
  return fitVocabulary(folder, config.vocabSize, await loadCodec(folder, options))
}
