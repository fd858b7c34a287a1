import { noOtherFiles } from '../unread/otherFiles.js'
import { ggufConfig } from './ggufConfig.js'
import { ggufTensors } from './ggufTensors.js'
import { readGguf } from './readGguf.js'

/**
 * Reads config and tensors of a GGUF file as the original model folder has them; loadCodec reads its tokenizer. Messages and hashes name the file
 * instead of a folder.
 *
 * @throws ModelError if the file is damaged or of an unsupported kind
 */
export async function readGgufSource(file: string) {
  const gguf = await readGguf(file)
  const { json, architecture, heads, read } = await ggufConfig(gguf)
  const tensors = ggufTensors(gguf, architecture, heads, read)
  return { folder: file, file, json, tensors, others: noOtherFiles }
}
