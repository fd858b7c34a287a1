import type { BigIntStats } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'

/** A folder for what the next start need not compute again: `rxargs/PART` in `XDG_CACHE_HOME`, else in `~/.cache`. */
export function cacheFolder(
  part: 'weights' | 'hashes',
  { XDG_CACHE_HOME: given }: Readonly<Record<string, string | undefined>> = process.env,
): string {
  // The XDG specification has relative paths ignored.
  return join(given !== undefined && isAbsolute(given) ? given : join(homedir(), '.cache'), 'rxargs', part)
}

/**
 * What changes whenever a file gets other bytes. The system itself sets the time of the last change (`ctime`), so a file that is written in place or
 * replaced has another stamp even if its size and its time of modification are those of before.
 */
export const stampOf = ({ ino, size, mtimeNs, ctimeNs }: BigIntStats): string => [ino, size, mtimeNs, ctimeNs].join(' ')

/** Makes a folder and its parents. Node's own recursive mkdir never ends below /proc. */
export async function makeCacheFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return
    if (code !== 'ENOENT' || dirname(folder) === folder) throw error
    await makeCacheFolder(dirname(folder))
    await mkdir(folder).catch((again: NodeJS.ErrnoException) => {
      if (again.code !== 'EEXIST') throw again
    })
  }
}
