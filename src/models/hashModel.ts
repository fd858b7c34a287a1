import { hashFolder } from './checkpoint/hashFolder.js'
import type { WeightDtype } from './graph/quantize.js'
import { modelFolder } from './modelFolder.js'
import { findOnnx } from './onnx/findOnnx.js'
import { openOnnx } from './onnx/openOnnx.js'

/** One SHA-256 of the files that are read of a model's folder, or of a ready graph with what lies beside it. */
export async function hashModel(path: string, dtype?: WeightDtype): Promise<string> {
  const onnx = await findOnnx(path, dtype)
  return onnx ? hashFolder(onnx.folder, (await openOnnx(onnx)).names) : hashFolder(await modelFolder(path))
}
