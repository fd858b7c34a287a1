import { hashFolder } from './checkpoint/hashFolder.js'
import type { WeightDtype } from './graph/quantize.js'
import { modelFolder } from './modelFolder.js'
import { findOnnx } from './onnx/findOnnx.js'
import { openOnnx } from './onnx/openOnnx.js'

/** One SHA-256 over the files that rxargs reads from a model's folder, or over an exported graph and its files. */
export async function hashModel(path: string, dtype?: WeightDtype): Promise<string> {
  const onnx = await findOnnx(path, dtype)
  return onnx ? hashFolder(onnx.folder, (await openOnnx(onnx)).names) : hashFolder(await modelFolder(path))
}
