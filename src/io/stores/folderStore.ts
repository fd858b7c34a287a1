import { randomUUID } from 'node:crypto'
import { link as hardLink, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { asyncBufferFromFile } from 'hyparquet'
import { messageOf, OutputError } from '../../core/errors.js'
import { lockFolder } from '../folderLock.js'
import { checkOutput, makeWritableFolder } from '../outputFolder.js'
import { isUnfinishedLock, isUnfinishedPart, partNumber } from '../parquet/partNames.js'
import type { PartStore, StagedPart } from './PartStore.js'

/** Taking a lock takes no time, so a temporary file this old belongs to nobody. */
const ABANDONED_MS = 10 * 60_000

const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL', 'EISDIR', 'EACCES', 'EMLINK', 'UNKNOWN'])

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | null)?.code

/** `link` makes links (tests replace it by a file system without links). */
export type FolderStoreOptions = Readonly<{ link?: typeof hardLink }>

/** A folder of this machine as a place of parts. */
export const folderStore = (folder: string, { link = hardLink }: FolderStoreOptions = {}): PartStore => ({
  name: folder,
  pathOf: (name) => join(folder, name),
  file: (path) => ({ name: path, buffer: () => asyncBufferFromFile(path) }),
  isFolder: async () => (await stat(folder)).isDirectory(),
  list: () => listNames(folder),
  has: (name) =>
    stat(join(folder, name)).then(
      () => true,
      () => false,
    ),
  check: () => checkOutput(folder),
  prepare: () => prepareFolder(folder),
  removeEmpty: () => rmdir(folder).catch(() => undefined),
  lock: async () => ({ release: await lockFolder(folder), lost: new Promise<never>(() => undefined) }),
  removeUnfinished: () => removeUnfinished(folder),
  stage: (bytes) => stage(folder, bytes, link),
  replace: (path, bytes) => replace(folder, path, bytes),
  remove: async (paths) => {
    for (const path of paths) await rm(path, { force: true })
  },
})

const listNames = (folder: string): Promise<string[]> =>
  readdir(folder).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return []
    throw new OutputError(`Expected ${folder} to be a folder that can be read: ${messageOf(error)}`)
  })

/** Makes the folder, removes unfinished locks of killed runs, and checks that files can be written there. */
async function prepareFolder(folder: string): Promise<boolean> {
  const made = await makeWritableFolder(folder)
  // Another run that has failed may have removed it, empty. The lock makes it again.
  for (const name of (await listNames(folder)).filter(isUnfinishedLock)) {
    const path = join(folder, name)
    // It is gone if another run has finished it. That is fine.
    const age = await stat(path).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    )
    if (age > ABANDONED_MS) await rm(path, { force: true })
  }
  return made.length > 0
}

/** Writes the folder's own entry to the disk, if the platform can. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined)
  await handle?.sync().catch(() => undefined)
  await handle?.close()
}

async function writeTemporary(folder: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, `.part-${randomUUID()}.tmp`)
  try {
    const handle = await open(path, 'wx')
    try {
      await handle.writeFile(bytes)
      await handle.sync()
    } finally {
      await handle.close()
    }
    return path
  } catch (error) {
    await rm(path, { force: true }).catch(() => undefined)
    throw new OutputError(`Expected to write a part file into ${folder}: ${messageOf(error)}`)
  }
}

async function stage(folder: string, bytes: Uint8Array, link: typeof hardLink): Promise<StagedPart> {
  const temporary = await writeTemporary(folder, bytes)
  return {
    async place(name) {
      const isPlaced = await linkAs(temporary, folder, name, link)
      if (isPlaced) await syncFolder(folder)
      return isPlaced
    },
    discard: () => rm(temporary, { force: true }),
  }
}

/** Places a part without links: only the process that made the claim file may rename to that name. */
async function renameClaimed(from: string, folder: string, name: string): Promise<boolean> {
  const claim = join(folder, `.part-${partNumber(name)}.claim`)
  const handle = await open(claim, 'wx').catch((error: unknown) => {
    if (codeOf(error) === 'EEXIST') return undefined
    throw error
  })
  if (handle === undefined) return false
  try {
    await handle.close()
    const target = join(folder, name)
    const taken = await stat(target).then(
      () => true,
      () => false,
    )
    if (!taken) await rename(from, target)
    return !taken
  } finally {
    await rm(claim, { force: true })
  }
}

async function linkAs(from: string, folder: string, name: string, link: typeof hardLink): Promise<boolean> {
  try {
    await link(from, join(folder, name))
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    if (!NO_LINKS.has(codeOf(error) ?? '')) throw error
    return renameClaimed(from, folder, name)
  }
}

async function replace(folder: string, path: string, bytes: Uint8Array): Promise<void> {
  const temporary = await writeTemporary(folder, bytes)
  try {
    await rename(temporary, path)
    await syncFolder(folder)
  } catch (error) {
    await rm(temporary, { force: true })
    throw new OutputError(`Expected to rewrite ${path}: ${messageOf(error)}`)
  }
}

async function removeUnfinished(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter(isUnfinishedPart).sort()
  for (const name of names) await rm(join(folder, name), { force: true })
  return names
}
