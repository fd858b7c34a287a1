import { readdir, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { isQuantized, type WeightDtype } from './graph/quantize.js'
import { hashModel } from './hashModel.js'
import type { WeightCache } from './runtime/thread/cachedWeights.js'

/** The folder where rounded weights are kept: `rxargs/weights` in `XDG_CACHE_HOME`, else in `~/.cache`. */
export function weightCacheFolder({ XDG_CACHE_HOME: given }: Readonly<Record<string, string | undefined>> = process.env): string {
  // The XDG specification has relative paths ignored.
  return join(given !== undefined && isAbsolute(given) ? given : join(homedir(), '.cache'), 'rxargs', 'weights')
}

/** Which models keep their rounded weights. `hash` is the model's hash if it is being computed anyway. */
export type CacheOption = Readonly<{ cache?: boolean; hash?: Promise<string> }>

/** Gives the cache for a model in `dtype`; nothing where no weights are rounded or nothing is to be kept. */
export async function weightCacheOf(
  path: string,
  dtype: WeightDtype = 'fp32',
  { cache = false, hash }: CacheOption = {},
): Promise<Readonly<{ cache?: WeightCache }>> {
  if (!cache || !isQuantized(dtype)) return {}
  return { cache: { folder: weightCacheFolder(), content: await (hash ?? hashModel(path, dtype)) } }
}

/** Counts the entries of the cache and their bytes. */
export async function weightCacheSize(folder = weightCacheFolder()): Promise<Readonly<{ entries: number; bytes: number }>> {
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
