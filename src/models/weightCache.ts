import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isQuantized, type WeightDtype } from './graph/quantize.js'
import { hashModel } from './hashModel.js'
import { cacheFolder } from './keptFiles.js'
import type { WeightCache } from './runtime/thread/cachedWeights.js'

/** Whether a model keeps its rounded weights and the hashes of its files. `hash` is the model's hash if it is being computed anyway. */
export type CacheOption = Readonly<{ cache?: boolean; hash?: Promise<string> }>

/** Gives the cache for a model in `dtype`; nothing where no weights are rounded or nothing is to be kept. */
export async function weightCacheOf(
  path: string,
  dtype: WeightDtype = 'fp32',
  { cache = false, hash }: CacheOption = {},
): Promise<Readonly<{ cache?: WeightCache }>> {
  if (!cache || !isQuantized(dtype)) return {}
  return { cache: { folder: cacheFolder('weights'), content: await (hash ?? hashModel(path, dtype, true)) } }
}

/** Counts the entries of the cache and their bytes. */
export async function weightCacheSize(folder: string): Promise<Readonly<{ entries: number; bytes: number }>> {
  const names = async (path: string) => readdir(path).catch(() => [])
  const entries = await names(folder)
  let bytes = 0
  for (const entry of entries)
    for (const file of await names(join(folder, entry)))
      bytes += await stat(join(folder, entry, file)).then(
        ({ size }) => size,
        () => 0, // Another process took it away.
      )
  return { entries: entries.length, bytes }
}
