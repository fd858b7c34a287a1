import { noOtherFiles } from '../unread/otherFiles.js'
import { ggufConfig } from './ggufConfig.js'
import { ggufTensors } from './ggufTensors.js'
import { readGguf } from './readGguf.js'

/**
 * Reads a GGUF file as the config and the tensors of the model folder that it was made from; its tokenizer comes by loadCodec. The file
 * stands where messages and hashes name a folder.
 *
 * @throws ModelError when the file is damaged, or of a kind that is not supported
 */
export async function readGgufSource(file: string) {
  const gguf = await readGguf(file)
  const { json, architecture, heads, read } = await ggufConfig(gguf)
  const tensors = ggufTensors(gguf, architecture, heads, read)
  return { folder: file, file, json, tensors, others: noOtherFiles }
}
