import { mkdir, readFile, rename, rm, stat, statfs, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ModelError, messageOf } from '../../core/errors.js'
import { cacheLayout } from './cacheLayout.js'
import { download } from './download.js'
import { hubRequest } from './hubRequest.js'
import type { HubSettings } from './hubSettings.js'
import { listRepository } from './listRepository.js'
import { type HubFile, INDEX, namedFiles, neededFiles, shardsOf } from './neededFiles.js'
import type { Repository } from './repository.js'

export type PullOptions = Readonly<{
  /** Patterns of further files to fetch. */
  include?: readonly string[]
  /** Fetches only the files of these names. */
  only?: readonly string[]
  signal?: AbortSignal
  /** Called once with the files to fetch. */
  onFiles?: (files: readonly HubFile[]) => void
  /** Called with the bytes of a file so far. */
  onBytes?: (path: string, there: number) => void
  /** Waits before the next attempt after a broken connection. */
  pause?: (attempt: number) => Promise<void>
}>

const exists = (path: string, size: number): Promise<boolean> =>
  stat(path).then(
    (found) => found.size === size,
    () => false,
  )

const hashNameOf = ({ sha256, oid }: HubFile): string => (sha256 ?? oid)!

/**
 * Fetches the files of a model that rxargs reads into the cache of the Python tools. It checks each file before the file gets its name, and
 * records a revision once all its files are complete. A later call resumes an interrupted one.
 *
 * @returns the folder of the files
 * @throws ModelError if the hub refuses, a file has another size or hash than listed, or there is no room
 */
export async function pull(settings: HubSettings, repository: Repository, options: PullOptions = {}): Promise<string> {
  const { include, only, signal, onFiles, onBytes, pause = (attempt) => sleep(1000 * attempt) } = options
  const { commit, files } = await listRepository(settings, repository, signal)
  const { name, revision } = repository
  const { snapshot, blob, ref, folder } = cacheLayout(settings.cacheFolder, repository)
  const request = hubRequest(settings, repository, signal, [416])

  const fetchAll = async (files: readonly HubFile[]): Promise<void> => {
    for (const file of files) {
      const place = join(snapshot(commit), file.path)
      if (!(await exists(place, file.size))) {
        const target = blob(hashNameOf(file))
        if (!(await exists(target, file.size))) {
          const path = file.path.split('/').map(encodeURIComponent).join('/')
          const url = `${settings.endpoint}/${name}/resolve/${commit}/${path}`
          await download(file, { url, request, blob: target, onBytes: (there) => onBytes?.(file.path, there), pause })
        }
        await link(target, place)
      }
      onBytes?.(file.path, file.size)
    }
  }

  const first = only ? namedFiles(files, name, only) : neededFiles(files, name, include)
  const index = first.find(({ path }) => path === INDEX)
  try {
    await mkdir(folder, { recursive: true })
    if (index) await fetchAll([index])
    const shards = index ? shardsOf(await readIndex(join(snapshot(commit), INDEX)), files, name) : []
    const needed = [...new Set([...first, ...shards])]
    onFiles?.(needed)
    await checkRoom(needed, blob, folder)
    await fetchAll(needed)
    if (revision !== commit) await writeWhole(ref, commit)
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof Error && 'code' in error && !(error instanceof ModelError))
      throw new ModelError(`${error.code === 'ENOSPC' ? 'No room left' : 'Cannot write'} in ${folder}: ${messageOf(error)}`)
    throw error
  }
  return snapshot(commit)
}

async function readIndex(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    throw new ModelError(`Expected ${path} to be JSON: ${messageOf(error)}`)
  }
}

/** Fails at once if there is no room, not after an hour. */
async function checkRoom(files: readonly HubFile[], blob: (hash: string) => string, folder: string): Promise<void> {
  let missing = 0
  for (const file of files) if (!(await exists(blob(hashNameOf(file)), file.size))) missing += file.size
  const { bavail, bsize } = await statfs(folder)
  if (missing > bavail * bsize)
    throw new ModelError(
      `Expected room for ${missing} bytes in ${folder}, got ${bavail * bsize}. Set HF_HOME to a folder with more room`,
    )
}

/** Makes a relative link, so users can move the cache. Without permission for links it moves the file itself. */
async function link(target: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await rm(path, { force: true })
  try {
    await symlink(relative(dirname(path), target), path)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) throw error
    await rename(target, path)
  }
}

async function writeWhole(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(`${path}.incomplete`, text)
  await rename(`${path}.incomplete`, path)
}
