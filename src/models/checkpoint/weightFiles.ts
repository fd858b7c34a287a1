import { readdir, realpath } from 'node:fs/promises'
import { join, posix, win32 } from 'node:path'
import * as z from 'zod'
import { ModelError, messageOf } from '../../core/errors.js'
import { checkJson, isMissing, readOptionalJson } from './readJson.js'

const SINGLE = 'model.safetensors'
const INDEX = 'model.safetensors.index.json'

/** The weights of a model folder: names of its safetensors files, relative to the folder, and which tensor is in which shard. */
export type WeightFiles = Readonly<{
  names: readonly string[]
  /** Tensor name → file name; absent where one file holds everything. */
  shardOf?: ReadonlyMap<string, string>
}>

/** A name that could lead out of the folder, on whichever system it is read. */
const leavesFolder = (name: string): boolean =>
  name === '' ||
  name.includes('\0') ||
  posix.isAbsolute(name) ||
  win32.parse(name).root !== '' ||
  name.split(/[\\/]/).includes('..')

/**
 * The real path of a file that one of the model's own files names. The name must stay inside the folder; where a link of that
 * name points to is the affair of whoever made the folder (the Hub's cache keeps its files elsewhere).
 *
 * @throws ModelError when the name leaves the folder or there is no such file
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

function refuse(folder: string, names: readonly string[]): never {
  const pickled = names.find((name) => /^pytorch_model.*\.bin(\.index\.json)?$/.test(name))
  if (pickled !== undefined)
    throw new ModelError(
      `Expected ${SINGLE} in ${folder}, got only ${pickled}: pickled weights can run code when they are read and are refused; convert them to safetensors`,
    )
  throw new ModelError(`Expected ${SINGLE} or ${INDEX} in ${folder}, found neither`)
}

/**
 * Finds the weights of a model folder: one file, or the shards of its index. One file wins where there are both, as in
 * transformers.
 *
 * @throws ModelError when there are none, only pickled ones, or the index is broken
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
