import { readdir, realpath } from 'node:fs/promises'
import { join, posix, win32 } from 'node:path'
import * as z from 'zod'
import { ModelError, messageOf } from '../../../core/errors.js'
import { checkJson, isMissing, readOptionalJson } from '../readJson.js'

const SINGLE = 'model.safetensors'
const INDEX = 'model.safetensors.index.json'
/** LLaMA-Factory's file for the value head of a reward model. The body is in the other files. */
export const VALUE_HEAD_FILE = 'value_head.safetensors'

/** The safetensors files of a model folder, by names relative to it, and the shard of each tensor. */
export type WeightFiles = Readonly<{
  names: readonly string[]
  /** Tensor name → file name; absent if one file holds everything. */
  shardOf?: ReadonlyMap<string, string>
}>

/** Whether a name could lead out of the folder, on any operating system. */
const leavesFolder = (name: string): boolean =>
  name === '' ||
  name.includes('\0') ||
  posix.isAbsolute(name) ||
  win32.parse(name).root !== '' ||
  name.split(/[\\/]/).includes('..')

/**
 * The real path of a file that one of the model's files names. The name must stay inside the folder. A link may point out of it: the
 * hub's cache keeps its files elsewhere.
 *
 * @throws ModelError when the name leaves the folder or the file does not exist
 */
export async function resolveInside(folder: string, name: string, namedIn: string): Promise<string> {
  if (leavesFolder(name))
    throw new ModelError(`Expected file names in ${namedIn} to stay inside its folder, got ${JSON.stringify(name)}`)
  try {
    return await realpath(join(folder, name))
  } catch (error) {
    if (isMissing(error)) throw new ModelError(`Expected ${join(folder, name)}, which ${namedIn} names, found no such file`)
    throw new ModelError(`Expected to read ${join(folder, name)}: ${messageOf(error)}`)
  }
}

const index = z.looseObject({
  weight_map: z
    .record(z.string(), z.string())
    .refine((map) => Object.keys(map).length > 0)
    .describe('an object of tensor names and file names'),
})

/** Files with the state of a training run, which are not weights. */
export const STATE = /^(training_args|optimizer|scheduler|scaler|rng_state|global_step|zero_pp_rank)/

/** The pickled weights among the files of a folder: all shards, or one file. */
function pickledIn(names: readonly string[]): readonly string[] {
  const sharded = names.filter((name) => /^pytorch_model-\d+-of-\d+\.bin$/.test(name))
  if (sharded.length > 0) return sharded.sort()
  const pickled = names.filter((name) => /\.(bin|pt|pth)$/.test(name) && !STATE.test(name)).sort()
  return pickled.includes('pytorch_model.bin') ? ['pytorch_model.bin'] : pickled.slice(0, 1)
}

const quoted = (path: string): string => (/^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`)

/** A command that writes pickled weights as safetensors. If a checkpoint holds more than weights, it takes `module` or `model`. */
export function conversion(folder: string, pickled: readonly string[], written = SINGLE): string {
  const code = [
    'import sys, torch',
    'from safetensors.torch import save_file',
    'loaded = [torch.load(f, map_location="cpu", weights_only=True) for f in sys.argv[2:]]',
    'w = {k: v for s in loaded for k, v in s.get("module", s.get("model", s)).items() if torch.is_tensor(v)}',
    'save_file({k: v.contiguous().clone() for k, v in w.items()}, sys.argv[1], metadata={"format": "pt"})',
  ].join('; ')
  return `python3 -c '${code}' ${[written, ...pickled].map((name) => quoted(join(folder, name))).join(' ')}`
}

function refuse(folder: string, names: readonly string[]): never {
  const pickled = pickledIn(names)
  const found = pickled[0] ?? names.find((name) => name === 'pytorch_model.bin.index.json')
  if (found !== undefined) {
    const how = pickled.length > 0 ? `; convert them with: ${conversion(folder, pickled)}` : ''
    throw new ModelError(
      `Expected ${SINGLE} in ${folder}, got only ${found}: pickled weights can run code when they are read, so they are refused${how}`,
    )
  }
  throw new ModelError(`Expected ${SINGLE} or ${INDEX} in ${folder}, found neither`)
}

/**
 * Finds the weights of a model folder: one file, or the shards of its index. If it has both, the one file wins, as in transformers.
 *
 * @throws ModelError when there are no weights, only pickled ones, or the index is broken
 */
export async function findWeights(folder: string): Promise<WeightFiles> {
  const names = await readdir(folder)
  if (names.includes(SINGLE)) return { names: [SINGLE] }
  const file = join(folder, INDEX)
  const json = await readOptionalJson(file)
  if (json === undefined) refuse(folder, names)
  const shardOf = new Map(Object.entries(checkJson(index, json, file).weight_map))
  return { names: [...new Set(shardOf.values())].sort(), shardOf }
}

/** Name of the file that lists the tensors, for messages. */
export const listedIn = (folder: string, files: WeightFiles): string => join(folder, files.shardOf === undefined ? SINGLE : INDEX)
