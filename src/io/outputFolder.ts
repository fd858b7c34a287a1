import { randomUUID } from 'node:crypto'
import { mkdir, open, rm, rmdir, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { messageOf, OutputError } from '../core/errors.js'

/** An address of any kind. As a path it would make a folder of that name. */
const isAddress = (path: string): boolean => /^[a-z][a-z\d+.-]*:\/\//i.test(path)

/** About the size of a run's first part. */
const PROBE_BYTES = 2 ** 20

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | null)?.code

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left on the device',
  EDQUOT: 'the disk quota is used up',
  ENOENT: 'the file system allows no folder there',
  ENOTDIR: 'a file is in the way',
  EEXIST: 'a file of that name is there',
}
const reasonOf = (error: unknown): string => reasons[codeOf(error) ?? ''] ?? messageOf(error)

/** Runs that use the same new folder at the same time may each remove it, empty, while another is about to write. So it is made this often. */
const TRIES = 20

const isMissing = (path: string): Promise<boolean> =>
  stat(path).then(
    () => false,
    (error: unknown) => codeOf(error) === 'ENOENT',
  )

/**
 * Makes a folder and its parents. Node's own recursive mkdir never ends if the file system allows no folder, such as below /proc.
 *
 * @returns the folders that were missing, innermost first
 * @throws OutputError if a folder cannot be made, or a file is in the way
 */
export async function makeFolder(folder: string, tries = TRIES): Promise<string[]> {
  const fail = (error: unknown): never => {
    throw new OutputError(`Expected to make the folder ${folder}: ${reasonOf(error)}`)
  }
  if (isAddress(folder)) throw new OutputError(`Expected a folder of this machine, got ${folder}`)
  const missing: string[] = []
  for (let path = resolve(folder); ; path = dirname(path)) {
    const found = await stat(path).catch((error: unknown) => (codeOf(error) === 'ENOENT' ? undefined : fail(error)))
    if (found && !found.isDirectory()) fail({ code: path === resolve(folder) ? 'EEXIST' : 'ENOTDIR' })
    if (found) break
    missing.unshift(path)
  }
  for (const path of missing) {
    const error: unknown = await mkdir(path).catch((failure: unknown) => failure)
    // Another run may make the same folder at the same time, or remove the one above.
    if (codeOf(error) === 'ENOENT' && tries > 1 && (await isMissing(dirname(path))))
      return [...new Set([...(await makeFolder(folder, tries - 1)), ...missing.reverse()])]
    if (error !== undefined && codeOf(error) !== 'EEXIST') fail(error)
  }
  return missing.reverse()
}

/** @throws OutputError if no file can be written and synced in the folder */
async function probeFolder(folder: string): Promise<void> {
  // It has the name of an unfinished part, so that nobody reads it and the next run removes it.
  const path = join(folder, `.part-${randomUUID()}.tmp`)
  try {
    const handle = await open(path, 'wx')
    try {
      await handle.writeFile(new Uint8Array(PROBE_BYTES))
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw new OutputError(`Expected to write into ${folder}: ${reasonOf(error)}`)
  } finally {
    await rm(path, { force: true }).catch(() => undefined)
  }
}

/**
 * Makes a folder and its parents, and checks that files can be written there.
 *
 * @returns the folders that were missing, innermost first
 * @throws OutputError like `makeFolder` and `probeFolder`
 */
export async function makeWritableFolder(folder: string): Promise<string[]> {
  const made = new Set<string>()
  for (let tries = TRIES; ; tries--) {
    for (const path of await makeFolder(folder)) made.add(path)
    try {
      await probeFolder(folder)
      return [...made]
    } catch (error) {
      if (tries > 1 && (await isMissing(folder))) continue
      for (const path of made) await rmdir(path).catch(() => undefined)
      throw error
    }
  }
}

/**
 * Checks that a folder can be made and written, before work for it starts. Leaves nothing behind.
 *
 * @throws OutputError like `makeWritableFolder`
 */
export async function checkOutput(folder: string): Promise<void> {
  for (const path of await makeWritableFolder(folder)) await rmdir(path).catch(() => undefined)
}

/**
 * Checks that a file can be written in a folder that exists.
 *
 * @throws OutputError for a file that cannot be written, and without `replaces` for a file that exists
 */
export async function checkOutputFile(path: string, replaces: boolean): Promise<void> {
  if (isAddress(path)) throw new OutputError(`Expected a file of this machine, got ${path}`)
  const found = await stat(path).catch(() => undefined)
  if (found && !replaces) throw new OutputError(`Expected no file at ${path}, which is there; --force replaces it`)
  if (found && !found.isFile()) throw new OutputError(`Expected ${path} to be a file, which it is not`)
  const folder = dirname(path)
  const above = await stat(folder).catch(() => undefined)
  if (!above?.isDirectory()) throw new OutputError(`Expected to write ${path}: ${folder} is not a folder`)
  if (!found) return probeFolder(folder)
  const handle = await open(path, 'r+').catch((error: unknown) => {
    throw new OutputError(`Expected to write ${path}: ${reasonOf(error)}`)
  })
  await handle.close()
}
