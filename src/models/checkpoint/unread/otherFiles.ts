import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ADAPTER_WEIGHTS } from '../adapter/adapterTensors.js'
import { isBuffer, type Tensors } from '../weights/safetensors.js'
import { readSafetensorsHeader } from '../weights/safetensorsHeader.js'
import { findWeights, STATE, VALUE_HEAD_FILE } from '../weights/weightFiles.js'

/** What a model folder holds besides the files of the model. */
export type OtherFiles = Readonly<{
  /** Tensors of other safetensors files that the model's own files lack. */
  tensors: readonly Readonly<{ name: string; file: string }>[]
  /** Weights in a format that is not read, except copies of the model's weights and the state of a training run. */
  foreign: readonly string[]
  /** Safetensors files whose tensors the model's own files have, too, and weights and adapters in subfolders. */
  spare: readonly string[]
  /** The model's weights in another format, under the usual names. */
  copies: readonly string[]
}>

export const noOtherFiles: OtherFiles = { tensors: [], foreign: [], spare: [], copies: [] }

const FOREIGN = /\.(bin|pt|pth|ckpt|pkl|pickle|npz|npy|h5|msgpack|ot)$/

/** The same weights in another format, or under other names. */
const COPIES =
  /^(pytorch_model|model)(-\d+-of-\d+)?\.(bin|pt|pth)$|^consolidated[\w.-]*\.(safetensors|pt|pth)$|^(tf|flax|rust)_model[\w.-]*\.(h5|msgpack|ot)$|\.(gguf|onnx)$/
/** Subfolders of copies, and of the modules of a sentence encoder, which its own reader checks. */
const KNOWN_FOLDERS = /^(onnx|original|openvino|coreml|\d+_\w+|\..*)$/

const isWeights = (name: string): boolean => name.endsWith('.safetensors') || name === 'adapter_config.json' || FOREIGN.test(name)

/**
 * Finds weights in a model folder, and one level below it, that are not the model's.
 *
 * @throws ModelError when another safetensors file is damaged
 */
export async function otherFiles(folder: string, tensors: Pick<Tensors, 'names'>): Promise<OtherFiles> {
  return unreadOf(folder, [...(await findWeights(folder)).names, VALUE_HEAD_FILE], tensors.names)
}

/** Adds what the folder of an adapter holds besides its weights to what the base model's folder holds. */
export async function withAdapterFiles(base: OtherFiles, folder: string): Promise<OtherFiles> {
  const own = await unreadOf(folder, [ADAPTER_WEIGHTS, 'adapter_config.json'], [])
  return {
    tensors: [...base.tensors, ...own.tensors],
    foreign: [...base.foreign, ...own.foreign],
    spare: [...base.spare, ...own.spare],
    copies: [...base.copies, ...own.copies],
  }
}

async function unreadOf(folder: string, files: readonly string[], tensors: Iterable<string>): Promise<OtherFiles> {
  const read = new Set(files)
  const entries = await readdir(folder, { withFileTypes: true })
  const listing = entries.map(({ name }) => name).sort()
  const unread = listing.filter((name) => !read.has(name) && !STATE.test(name))
  const names = unread.filter((name) => !COPIES.test(name))
  const known = new Set(tensors)
  const found = await Promise.all(
    names
      .filter((name) => name.endsWith('.safetensors'))
      .map(async (file) => {
        const header = await readSafetensorsHeader(join(folder, file))
        return { file, own: [...header.keys()].filter((name) => !known.has(name) && !isBuffer(name)) }
      }),
  )
  const isConverted = (name: string) => listing.includes(name.replace(FOREIGN, '.safetensors'))
  const folders = entries.filter((entry) => entry.isDirectory() && !KNOWN_FOLDERS.test(entry.name)).map(({ name }) => name)
  const below = await Promise.all(folders.sort().map((name) => weightsBelow(folder, name)))
  return {
    tensors: found.flatMap(({ file, own }) => own.map((name) => ({ name, file }))),
    foreign: names.filter((name) => FOREIGN.test(name) && !isConverted(name)),
    spare: [...found.filter(({ own }) => own.length === 0).map(({ file }) => file), ...below.flat()],
    copies: unread.filter((name) => COPIES.test(name) || (FOREIGN.test(name) && isConverted(name))),
  }
}

/** Names the first weights of a subfolder. A folder that cannot be read cannot be meant. */
async function weightsBelow(folder: string, name: string): Promise<string[]> {
  const inner = await readdir(join(folder, name)).catch(() => [])
  return inner
    .filter((file) => isWeights(file) && !STATE.test(file))
    .sort()
    .slice(0, 1)
    .map((file) => `${name}/${file}`)
}
