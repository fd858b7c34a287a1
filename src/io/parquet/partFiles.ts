import { randomUUID } from 'node:crypto'
import { link as hardLink, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf, OutputError } from '../../core/errors.js'
import { makeFolder, probeFolder } from '../outputFolder.js'

const PART = /^part-(\d{5,})\.parquet$/
/** Name of an unfinished part. The dot and the ending keep it out of `*.parquet`. */
const TEMPORARY = /^\.(part|run)-[\w-]+\.(tmp|claim)$/
/** Taking a lock takes no time, so a temporary file this old belongs to nobody. */
const ABANDONED_MS = 10 * 60_000

const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL', 'EISDIR', 'EACCES', 'EMLINK', 'UNKNOWN'])

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | null)?.code

const nameOf = (number: number): string => `part-${String(number).padStart(5, '0')}.parquet`

export const isPart = (name: string): boolean => PART.test(name)
export const isUnfinishedPart = (name: string): boolean => name.startsWith('.part-') && TEMPORARY.test(name)

/** `link` makes links (tests replace it by a file system without links). `replacing` runs just before the part gets its name. */
export type PartOptions = Readonly<{ link?: typeof hardLink; replacing?: () => Promise<void> }>

/** Lists the paths of a folder's part files by number; empty if there is no folder. */
export async function listParts(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return []
    throw new OutputError(`Expected ${folder} to be a folder that can be read: ${messageOf(error)}`)
  })
  const numbered = names.flatMap((name) => {
    const number = name.match(PART)?.[1]
    return number === undefined ? [] : [{ name, number: Number(number) }]
  })
  return numbered.sort((a, b) => a.number - b.number).map(({ name }) => join(folder, name))
}

/**
 * Makes the folder, removes unfinished locks of killed runs, and checks that files can be written there.
 *
 * @returns whether the folder is new
 * @throws OutputError like `makeFolder` and `probeFolder`
 */
export async function preparePartFolder(folder: string, now: () => number = Date.now): Promise<boolean> {
  const made = await makeFolder(folder)
  for (const name of (await readdir(folder)).filter((other) => TEMPORARY.test(other) && !isUnfinishedPart(other))) {
    const path = join(folder, name)
    // It is gone if another run has finished it. That is fine.
    const age = await stat(path).then(
      ({ mtimeMs }) => now() - mtimeMs,
      () => 0,
    )
    if (age > ABANDONED_MS) await rm(path, { force: true })
  }
  await probeFolder(folder)
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

/** Places a part without links: only the process that made the claim file may rename to that name. */
async function renameClaimed(from: string, folder: string, number: number): Promise<boolean> {
  const claim = join(folder, `.part-${number}.claim`)
  const handle = await open(claim, 'wx').catch((error: unknown) => {
    if (codeOf(error) === 'EEXIST') return undefined
    throw error
  })
  if (handle === undefined) return false
  try {
    await handle.close()
    const target = join(folder, nameOf(number))
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

async function linkAs(from: string, folder: string, number: number, link: typeof hardLink): Promise<boolean> {
  try {
    await link(from, join(folder, nameOf(number)))
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    if (!NO_LINKS.has(codeOf(error) ?? '')) throw error
    return renameClaimed(from, folder, number)
  }
}

/**
 * Writes bytes as the folder's next part file, complete under its name or absent. It takes the next free number and never overwrites another
 * writer's part. `replacing` removes the parts that this one replaces, once its bytes are safe on the disk.
 *
 * @returns the path of the part
 * @throws OutputError if the disk is full, the folder is gone, or writing is forbidden
 */
export async function addPart(
  folder: string,
  bytes: Uint8Array,
  { link = hardLink, replacing = async () => {} }: PartOptions = {},
): Promise<string> {
  const temporary = await writeTemporary(folder, bytes)
  try {
    await replacing()
    const last = (await listParts(folder)).at(-1)
    const first = last === undefined ? 0 : Number(last.match(/(\d+)\.parquet$/)![1]) + 1
    let number = first
    while (!(await linkAs(temporary, folder, number, link))) number++
    await syncFolder(folder)
    return join(folder, nameOf(number))
  } catch (error) {
    throw new OutputError(`Expected to place a part file in ${folder}: ${messageOf(error)}`)
  } finally {
    await rm(temporary, { force: true })
  }
}

/** Replaces the bytes of a part file atomically. */
export async function replacePart(folder: string, path: string, bytes: Uint8Array): Promise<void> {
  const temporary = await writeTemporary(folder, bytes)
  try {
    await rename(temporary, path)
    await syncFolder(folder)
  } catch (error) {
    await rm(temporary, { force: true })
    throw new OutputError(`Expected to rewrite ${path}: ${messageOf(error)}`)
  }
}

/**
 * Removes the unfinished parts of killed runs from a folder that this process has locked, so that they belong to no running one.
 *
 * @returns their names
 */
export async function removeUnfinished(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter(isUnfinishedPart).sort()
  for (const name of names) await rm(join(folder, name), { force: true })
  return names
}

/** Removes a folder if it is empty. */
export const removeEmpty = (folder: string): Promise<void> => rmdir(folder).catch(() => undefined)

/** Removes part files. A missing one is no error. */
export async function removeParts(paths: readonly string[]): Promise<void> {
  for (const path of paths) await rm(path, { force: true })
}
