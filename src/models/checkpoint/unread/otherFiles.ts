import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isBuffer, type Tensors } from '../weights/safetensors.js'
import { readSafetensorsHeader } from '../weights/safetensorsHeader.js'
import { findWeights, STATE, VALUE_HEAD_FILE } from '../weights/weightFiles.js'

/** What a model folder holds besides the files of the model. */
export type OtherFiles = Readonly<{
  /** Tensors of other safetensors files that the model's own files lack. */
  tensors: readonly Readonly<{ name: string; file: string }>[]
  /** Pickled files, except copies of the model's weights and the state of a training run. */
  pickled: readonly string[]
}>

const PICKLED = /\.(bin|pt|pth|ckpt)$/

/** The same weights in another format, or under other names. */
const COPIES = /^(pytorch_model|model)(-\d+-of-\d+)?\.(bin|pt|pth)$|^consolidated[\w.-]*\.(safetensors|pt|pth)$/

/**
 * Finds weights in a model folder that are not the model's. Subfolders are not searched.
 *
 * @throws ModelError when another safetensors file is damaged
 */
export async function otherFiles(folder: string, tensors: Pick<Tensors, 'names'>): Promise<OtherFiles> {
  const read = new Set([...(await findWeights(folder)).names, VALUE_HEAD_FILE])
  const listing = await readdir(folder)
  const names = listing.filter((name) => !read.has(name) && !COPIES.test(name) && !STATE.test(name)).sort()
  const known = new Set(tensors.names)
  const found = await Promise.all(
    names
      .filter((name) => name.endsWith('.safetensors'))
      .map(async (file) => {
        const header = await readSafetensorsHeader(join(folder, file))
        return [...header.keys()].filter((name) => !known.has(name) && !isBuffer(name)).map((name) => ({ name, file }))
      }),
  )
  const isConverted = (name: string) => listing.includes(name.replace(PICKLED, '.safetensors'))
  return { tensors: found.flat(), pickled: names.filter((name) => PICKLED.test(name) && !isConverted(name)) }
}
