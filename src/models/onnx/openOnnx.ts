import { readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { ModelError } from '../../core/errors.js'
import { resolveInside } from '../checkpoint/weights/weightFiles.js'
import { ModelProtoSchema, type TensorProto } from '../graph/generated/onnx_pb.js'
import type { OnnxFile } from './findOnnx.js'
import { graphTensors } from './graphTensors.js'
import { type OnnxHeader, readOnnxHeader } from './readOnnxHeader.js'

/** An exported graph as input of a session: the path of its file, or its bytes and the folder of its weights. */
export type OnnxSource = Readonly<{ graph: string | Uint8Array; folder: string }>
export type OpenOnnx = Readonly<{
  header: OnnxHeader
  /** Names of the files of graph and weights in the model's folder. */
  names: readonly string[]
  source: () => Promise<OnnxSource>
}>

/**
 * Reads an exported graph's header and finds the files of its weights. In a hub cache these are links into a folder of blobs, and the runtime
 * follows no links out of a folder. In that case the graph is read, and its bytes get the real names.
 *
 * @throws ModelError if a file is missing, damaged or leads out of the folder, and if the weights' real files are in several folders
 */
export async function openOnnx({ folder, name }: OnnxFile): Promise<OpenOnnx> {
  const own = join(folder, name)
  const file = await resolveInside(folder, name, folder)
  const header = await readOnnxHeader(file)
  const paths = new Map<string, string>()
  for (const one of header.dataFiles) paths.set(one, await resolveInside(dirname(own), one, own))
  return {
    header,
    names: [name, ...header.dataFiles.map((one) => join(dirname(name), one))],
    async source() {
      const asNamed = [...paths].every(([one, path]) => path === join(dirname(file), one))
      if (asNamed) return { graph: file, folder: dirname(file) }
      const folders = [...new Set([...paths.values()].map(dirname))]
      if (folders.length > 1)
        throw new ModelError(`Expected the real files of the weights of ${own} in one folder, got them in ${folders.join(', ')}`)
      return { graph: await withNames(file, paths), folder: folders[0]! }
    },
  }
}

/** Rewrites the graph's bytes with the real names of the files that hold its tensors. */
async function withNames(file: string, paths: ReadonlyMap<string, string>): Promise<Uint8Array> {
  const model = fromBinary(ModelProtoSchema, await readFile(file))
  const tensors: TensorProto[] = model.graph ? graphTensors(model.graph) : []
  for (const { externalData } of tensors)
    for (const entry of externalData) if (entry.key === 'location') entry.value = basename(paths.get(entry.value)!)
  return toBinary(ModelProtoSchema, model)
}
