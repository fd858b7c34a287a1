import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { ModelError, messageOf } from '../../core/errors.js'
import { ADAPTER_CONFIG } from './adapter/adapterPath.js'
import { ADAPTER_WEIGHTS } from './adapter/adapterTensors.js'
import { type Adapter, findAdapter } from './adapter/findAdapter.js'
import { checkFolder } from './checkFolder.js'
import { type HashFile, hashFile } from './fileHash.js'
import { isGguf } from './gguf/readGguf.js'
import { isMissing } from './readJson.js'
import { VOCABULARY_FILES } from './tokenizer/vocabularyFiles.js'
import { findWeights, listedIn, resolveInside, VALUE_HEAD_FILE } from './weights/weightFiles.js'

/** The files besides the weights that decide what a model answers. Any of them may be absent. */
const FILES = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'chat_template.jinja',
  'chat_template.json',
  'model.safetensors.index.json',
  VALUE_HEAD_FILE,
  'modules.json',
  '1_Pooling/config.json',
]

/**
 * The SHA-256 of each file of a model, by its name in the folder, sorted by name. Files are streamed, so large weights cost time but no
 * memory.
 *
 * @param onnx the files of an exported graph, if the model is one
 * @param hash what hashes a file
 * @throws ModelError when the folder has no weights or a file cannot be read
 */
export async function hashFiles(
  folder: string,
  onnx?: readonly string[],
  hash: HashFile = hashFile,
): Promise<ReadonlyMap<string, string>> {
  await checkFolder(folder)
  const weights = onnx ? { names: onnx, shardOf: undefined } : await findWeights(folder)
  const names = FILES.filter((name) => weights.shardOf !== undefined || !name.endsWith('.index.json'))
  const hashes = new Map<string, string>()
  for (const name of [...names, ...VOCABULARY_FILES, ...weights.names].sort()) {
    const isWeight = weights.names.includes(name)
    try {
      hashes.set(name, await hash(isWeight ? await resolveInside(folder, name, listedIn(folder, weights)) : join(folder, name)))
    } catch (error) {
      if (error instanceof ModelError) throw error
      if (isWeight || !isMissing(error)) throw new ModelError(`Expected to read ${join(folder, name)}: ${messageOf(error)}`)
    }
  }
  if (hashes.has('tokenizer.json')) for (const name of VOCABULARY_FILES) hashes.delete(name)
  return hashes
}

/**
 * One SHA-256 of a whole model: of the lines `name:hash` of its files, sorted by name. An adapter adds the hash of its base model as
 * `base`. A GGUF file has the hash of its content.
 */
export async function hashFolder(folder: string, onnx?: readonly string[], hash: HashFile = hashFile): Promise<string> {
  if (isGguf(folder)) return hashGguf(folder, hash)
  const adapter = onnx ? undefined : await findAdapter(folder)
  const whole = createHash('sha256')
  const sums = adapter ? await hashAdapter(adapter, hash) : await hashFiles(folder, onnx, hash)
  for (const [name, sum] of sums) whole.update(`${name}:${sum}\n`)
  return whole.digest('hex')
}

const OF_TOKENIZER = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'chat_template.jinja',
  'chat_template.json',
]

async function hashAdapter({ folder, base }: Adapter, hash: HashFile): Promise<ReadonlyMap<string, string>> {
  const hashes = new Map([['base', await hashFolder(base, undefined, hash)]])
  for (const name of [ADAPTER_CONFIG, ADAPTER_WEIGHTS, ...OF_TOKENIZER].sort())
    try {
      hashes.set(name, await hash(join(folder, name)))
    } catch (error) {
      if (!isMissing(error) || name === ADAPTER_WEIGHTS)
        throw new ModelError(`Expected to read ${join(folder, name)}: ${messageOf(error)}`)
    }
  return hashes
}

async function hashGguf(file: string, hash: HashFile): Promise<string> {
  try {
    return await hash(file)
  } catch (error) {
    throw new ModelError(`Expected to read ${file}: ${messageOf(error)}`)
  }
}
