import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { asyncBufferFromFile } from 'hyparquet'
import { InputError, messageOf } from '../../core/errors.js'
import { listParts } from '../parquet/partFiles.js'
import { globPattern } from './globPattern.js'
import { dataFiles, type InputFile } from './inputFile.js'

const CHUNK = 1 << 20

/** Lists the files below a folder by their paths relative to it, with forward slashes. Links to files count, links to folders do not. */
async function filesBelow(folder: string, depth: number): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw new InputError(`Expected ${folder} to be a folder that can be read: ${messageOf(error)}`)
  })
  const found: string[] = []
  for (const entry of entries) {
    const { name } = entry
    if (entry.isDirectory()) {
      if (depth > 1) for (const inner of await filesBelow(join(folder, name), depth - 1)) found.push(`${name}/${inner}`)
    } else if (entry.isFile() || (entry.isSymbolicLink() && (await isFile(join(folder, name))))) found.push(name)
  }
  return found
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  )

/** A file of this machine; one that is no regular file, such as a pipe, is read only once and in order. */
export async function localFile(path: string, place = basename(path)): Promise<InputFile> {
  const found = await stat(path)
  return {
    name: path,
    place,
    bytes: () => createReadStream(path, { highWaterMark: CHUNK }),
    ...(found.isFile() && { buffer: () => asyncBufferFromFile(path), size: found.size }),
  }
}

/**
 * Lists the files of a path: one file, the files of a folder and the folders in it, or those that match a glob. The order is that of their
 * names. A folder that a run has written is its part files.
 *
 * @throws InputError if there is nothing, or a folder holds a file of unknown kind or none of a known one
 */
export async function localFiles(path: string): Promise<readonly InputFile[]> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => error)
  if (!(found instanceof Error)) return found.isDirectory() ? folderFiles(path) : [await localFile(path)]
  const glob = globPattern(path)
  if (found.code !== 'ENOENT' || glob === undefined)
    throw new InputError(
      `Expected an input file at ${path}, ${found.code === 'ENOENT' ? 'found nothing there' : messageOf(found)}`,
    )
  const folder = glob.base === '' ? '.' : glob.base
  const below = (await isFolder(folder)) ? await filesBelow(folder, glob.depth) : []
  const matching = below.filter((name) => glob.matches(name)).sort()
  if (matching.length === 0) throw new InputError(`Expected input files that match ${path}, found none`)
  return Promise.all(matching.map((name) => localFile(join(folder, name), name)))
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )

async function folderFiles(folder: string): Promise<readonly InputFile[]> {
  const parts = await listParts(folder)
  if (parts.length > 0) return Promise.all(parts.map((part) => localFile(part)))
  const names = await filesBelow(folder, Number.POSITIVE_INFINITY)
  return pickData(folder, names, (name) => localFile(join(folder, name), name))
}

/** @throws InputError for a folder without data, or with a file of unknown kind */
export function pickData<T>(folder: string, names: readonly string[], make: (name: string) => T | Promise<T>): Promise<T[]> {
  const { files, strange } = dataFiles(names)
  const refuse = (what: string): never => {
    throw new InputError(
      `Expected a file, or a folder of JSONL, JSON, CSV or Parquet files, at ${folder}, found ${what}. A glob such as '${join(folder, '*.jsonl')}' picks files`,
    )
  }
  if (files.length === 0)
    refuse(names.length === 0 ? 'an empty folder' : `a folder of ${[...names].sort().slice(0, 3).join(', ')}`)
  if (strange !== undefined) refuse(`${strange} among them`)
  return Promise.all(files.map(make))
}
