import { join } from 'node:path'
import type { EncodedPair } from '../../core/batched.js'
import { ModelError } from '../../core/errors.js'
import { modelFolder } from '../modelFolder.js'
import { splitAdapter } from './adapter/adapterPath.js'
import { checkFolder } from './checkFolder.js'
import { type EncoderConfig, encoderArchitectures, encoderOf, readEncoderConfig } from './families/encoderConfig.js'
import { isGguf } from './gguf/readGguf.js'
import { fittingCodec } from './loadCheckpoint.js'
import { readJson } from './readJson.js'
import type { PairCodec } from './tokenizer/loadCodec.js'
import { type OtherFiles, otherFiles } from './unread/otherFiles.js'
import { refuseAdapter } from './unread/refuseAdapter.js'
import { renamedTensors } from './weights/renamedTensors.js'
import { readSafetensors, type Tensors } from './weights/safetensors.js'

/** An encoder's folder, read and validated. The weights stay in their files. */
export type EncoderCheckpoint = Readonly<{
  /** Absolute path. */
  folder: string
  config: EncoderConfig
  tensors: Tensors
  others: OtherFiles
  codec: PairCodec
  /** Turns a text or a pair of texts into the encoder's tokens, special ones included. The caller checks that they fit the context. */
  encode(first: string, second?: string): EncodedPair
}>

/** Whether a folder's config names an encoder. */
export async function isEncoder(path: string): Promise<boolean> {
  const folder = await modelFolder(path)
  if (isGguf(folder) || (await splitAdapter(folder))) return false
  await checkFolder(folder)
  await refuseAdapter(folder)
  return encoderOf(await readJson(join(folder, 'config.json'))) !== undefined
}

/**
 * Reads the folder of a BERT-like encoder.
 *
 * @throws ModelError when the folder or one of its files is missing, damaged or not supported
 */
export async function loadEncoderCheckpoint(path: string): Promise<EncoderCheckpoint> {
  const folder = await modelFolder(path)
  await checkFolder(folder)
  await refuseAdapter(folder)
  const file = join(folder, 'config.json')
  const json = await readJson(file)
  const architecture = encoderOf(json)
  if (architecture === undefined)
    throw new ModelError(
      `Expected an encoder in ${folder} (${[...encoderArchitectures.keys()].join(', ')}), got ${JSON.stringify(json.architectures ?? null)}`,
    )
  const config = readEncoderConfig(json, architecture, file)
  const codec = await fittingCodec({ folder, config })
  // Old BERT checkpoints have TensorFlow's names.
  const modern = (name: string) => name.replace(/\.gamma$/, '.weight').replace(/\.beta$/, '.bias')
  const stored = await readSafetensors(folder)
  return {
    folder,
    config,
    tensors: renamedTensors(stored, modern),
    others: await otherFiles(folder, stored),
    codec,
    encode: pairEncoding(codec, config.family === 'bert'),
  }
}

/** How an encoder's texts and pairs become tokens. `typed`: whether token types tell the two texts apart, unless the tokenizer decides. */
export function pairEncoding(codec: PairCodec, typed: boolean): EncoderCheckpoint['encode'] {
  const template = codec.pairTemplate(typed)
  return (first, second) => template(codec.encode(first, false), second === undefined ? undefined : codec.encode(second, false))
}
