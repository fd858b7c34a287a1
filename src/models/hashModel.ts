import { hashFile, rememberedHashes } from './checkpoint/fileHash.js'
import { hashFolder } from './checkpoint/hashFolder.js'
import type { WeightDtype } from './graph/quantize.js'
import { cacheFolder } from './keptFiles.js'
import { modelFolder } from './modelFolder.js'
import { findOnnx } from './onnx/findOnnx.js'
import { openOnnx } from './onnx/openOnnx.js'

/**
 * One SHA-256 over the files that rxargs reads from a model's folder, or over an exported graph and its files. With `cache`, a large file that has
 * not changed since an earlier call is not read again.
 */
export async function hashModel(path: string, dtype?: WeightDtype, cache = false): Promise<string> {
  const hash = cache ? rememberedHashes(cacheFolder('hashes')) : hashFile
  const onnx = await findOnnx(path, dtype)
  return onnx ? hashFolder(onnx.folder, (await openOnnx(onnx)).names, hash) : hashFolder(await modelFolder(path), undefined, hash)
}
