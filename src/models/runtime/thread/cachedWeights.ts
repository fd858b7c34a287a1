import { createHash, randomUUID } from 'node:crypto'
import { mkdir, open, readdir, readFile, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import { messageOf } from '../../../core/errors.js'
import type { TensorInMemory } from '../../graph/weights.js'
import { makeCacheFolder, stampOf } from '../../keptFiles.js'

/** Where rounded weights are kept: a folder, and the hash of the model's files. */
export type WeightCache = Readonly<{ folder: string; content: string }>

/** A file of weights as the runtime takes it: its path beside the graph, and its bytes. */
export type WeightFile = Readonly<{ path: string; data: Uint8Array }>

/** Counts up when rounding or the layout of a file changes, so that no entry of an older version is read. */
const LAYOUT = 1
const MANIFEST = 'manifest.json'
/** Folders of runs that were killed while they wrote. */
const UNFINISHED = '.unfinished-'
const UNFINISHED_MS = 24 * 60 * 60_000
/** Bytes read at once to check a file. */
const PIECE = 1 << 24

/** Linux sets the times of files by a clock that ticks every 10 ms or faster. A file that is changed after two ticks has another stamp. */
const TICK_MS = 20

type Manifest = Readonly<{ files: readonly Readonly<{ name: string; bytes: number; crc32: number; stamp?: string }>[] }>

/**
 * Finds the folder of a model's rounded weights in the cache, or makes it: one file for each of `make`'s files, which the runtime maps into memory.
 * Tensors of the same model file that are rounded in the same way have the same entry.
 *
 * An entry appears as a whole or not at all: it is written to a folder of its own, flushed to the disk and renamed. If two processes make it, the first
 * stays. Each use compares the files' stamps with those of the manifest, and sizes and checksums of a file with another stamp, as after a copy of the
 * folder. A damaged entry is made anew.
 *
 * @throws Error of the file system if the cache cannot be written; errors of `make`
 */
export async function cachedWeights(
  { folder, content }: WeightCache,
  tensors: readonly TensorInMemory[],
  make: (tensor: TensorInMemory) => Promise<readonly WeightFile[]>,
): Promise<string> {
  await makeCacheFolder(folder)
  // The runtime follows no link out of the folder of a graph's weights.
  const root = await realpath(folder)
  const entry = join(root, keyOf(content, tensors))
  if (await isIntact(entry)) return entry
  const unfinished = `${entry}${UNFINISHED}${randomUUID()}`
  try {
    await mkdir(unfinished)
    const files: Manifest['files'][number][] = []
    for (const tensor of tensors)
      for (const { path, data } of await make(tensor)) {
        const stamp = await writeWhole(join(unfinished, path), data)
        files.push({ name: path, bytes: data.byteLength, crc32: crc32(data), stamp })
      }
    await sleep(TICK_MS)
    await writeWhole(join(unfinished, MANIFEST), Buffer.from(JSON.stringify({ files } satisfies Manifest)))
    return await landed(unfinished, entry)
  } finally {
    await rm(unfinished, { recursive: true, force: true })
    await removeUnfinished(root)
  }
}

/** Names an entry by all that decides its bytes. Paths do not count, so a model that moves keeps its entry. */
function keyOf(content: string, tensors: readonly TensorInMemory[]): string {
  const decisive = JSON.stringify(tensors, (key, value) => (key === 'file' ? basename(String(value)) : value))
  return createHash('sha256')
    .update(JSON.stringify({ layout: LAYOUT, content, decisive }))
    .digest('hex')
}

async function isIntact(entry: string): Promise<boolean> {
  try {
    // A manifest of anything else throws here, or its files do not match.
    const { files } = JSON.parse(await readFile(join(entry, MANIFEST), 'utf8')) as Manifest
    for (const { name, bytes, crc32: sum, stamp } of files) {
      const file = join(entry, name)
      if (stampOf(await stat(file, { bigint: true })) !== stamp && (await checksum(file, bytes)) !== sum) return false
    }
    return files.length > 0
  } catch {
    return false
  }
}

/** Returns undefined for a file of another size. */
async function checksum(file: string, bytes: number): Promise<number | undefined> {
  const handle = await open(file)
  try {
    if ((await handle.stat()).size !== bytes) return undefined
    const piece = Buffer.allocUnsafe(Math.min(PIECE, bytes))
    let sum = 0
    for (let done = 0; done < bytes; ) {
      const { bytesRead } = await handle.read(piece, 0, piece.length, done)
      if (bytesRead === 0) return undefined
      sum = crc32(piece.subarray(0, bytesRead), sum)
      done += bytesRead
    }
    return sum
  } finally {
    await handle.close()
  }
}

/** Returns the file's stamp. */
async function writeWhole(file: string, data: Uint8Array): Promise<string> {
  const handle = await open(file, 'wx')
  try {
    await handle.writeFile(data)
    await handle.sync()
    return stampOf(await handle.stat({ bigint: true }))
  } finally {
    await handle.close()
  }
}

/** Renames a finished folder to its entry, unless another process was faster. A damaged entry gives way. */
async function landed(finished: string, entry: string): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    try {
      await rename(finished, entry)
      return entry
    } catch (error) {
      if (await isIntact(entry)) return entry
      if (attempt === 2) throw error
      // Away under another name first, because a folder is not removed at once.
      const damaged = `${entry}${UNFINISHED}${randomUUID()}`
      await rename(entry, damaged).catch(() => undefined)
      await rm(damaged, { recursive: true, force: true })
    }
  }
}

async function removeUnfinished(root: string): Promise<void> {
  for (const name of await readdir(root).catch(() => []))
    if (name.includes(UNFINISHED)) {
      const { mtimeMs } = await stat(join(root, name)).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }))
      if (Date.now() - mtimeMs > UNFINISHED_MS) await rm(join(root, name), { recursive: true, force: true })
    }
}

/** One line for a cache that cannot be used, which makes the start slower and nothing else. */
export const cacheNotice = (folder: string, error: unknown): string =>
  `Rounded weights cannot be kept in ${folder}, so each start rounds them again: ${messageOf(error)}`
