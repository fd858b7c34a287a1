import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Repository } from './repository.js'

/**
 * Paths of a model in the cache of the Python tools: files by their hash in `blobs`, links to them by name in `snapshots/COMMIT`, and
 * the commit of a branch or tag in `refs/NAME`.
 *
 * @see huggingface_hub 1.x file_download.py
 */
export const cacheLayout = (cacheFolder: string, { name, revision }: Repository) => {
  const folder = join(cacheFolder, `models--${name.replaceAll('/', '--')}`)
  return {
    folder,
    ref: join(folder, 'refs', ...revision.split('/')),
    blob: (hash: string): string => join(folder, 'blobs', hash),
    snapshot: (commit: string): string => join(folder, 'snapshots', commit),
  }
}

export const isFolder = async (path: string): Promise<boolean> => {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}

/** Finds the folder of a model's files in the cache; undefined if it is not there. Uses no network. */
export async function cachedSnapshot(cacheFolder: string, repository: Repository): Promise<string | undefined> {
  const { ref, snapshot } = cacheLayout(cacheFolder, repository)
  const commit = await readFile(ref, 'utf8').catch(() => repository.revision)
  const folder = snapshot(commit.trim())
  return (await isFolder(folder)) ? folder : undefined
}
