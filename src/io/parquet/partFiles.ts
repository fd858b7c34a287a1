import { randomUUID } from 'node:crypto'
import { link as hardLink, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf, OutputError } from '../../core/errors.js'
import { makeFolder, probeFolder } from '../outputFolder.js'

const PART = /^part-(\d{5,})\.parquet$/
/** Ours while they are written. The dot and the ending keep them out of `*.parquet`. */
const TEMPORARY = /^\.(part|run)-[\w-]+\.(tmp|claim)$/
/** A part is written in seconds: a temporary file this old belongs to nobody. */
const ABANDONED_MS = 10 * 60_000

const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL', 'EISDIR', 'EACCES', 'EMLINK', 'UNKNOWN'])

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | null)?.code

const nameOf = (number: number): string => `part-${String(number).padStart(5, '0')}.parquet`

/** How links are made (tests put a file system without links in), and what to do just before the part is placed. */
export type PartOptions = Readonly<{ link?: typeof hardLink; replacing?: () => Promise<void> }>

/** Paths of a folder's part files in the order of their numbers; none where there is no folder. */
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
 * Makes the folder, removes what killed runs left of unfinished parts, and makes sure that files can be written there. Whether it is new.
 *
 * @throws OutputError as `makeFolder` and `probeFolder`
 */
export async function preparePartFolder(folder: string, now: () => number = Date.now): Promise<boolean> {
  const made = await makeFolder(folder)
  for (const name of (await readdir(folder)).filter((other) => TEMPORARY.test(other))) {
    const path = join(folder, name)
    // Another run may finish it meanwhile: then it is gone, which is as well.
    const age = await stat(path).then(
      ({ mtimeMs }) => now() - mtimeMs,
      () => 0,
    )
    if (age > ABANDONED_MS) await rm(path, { force: true })
  }
  await probeFolder(folder)
  return made.length > 0
}

/** Where the platform can: the folder's own entry reaches the disk. */
async function syncFolder(folder: string): Promise<void> {
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

/** Without links: whoever makes the claim may rename to that name, and nobody else. */
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
 * Writes bytes as the folder's next part file: complete under its name, or not there at all. Another writer's part is never
 * overwritten; the next free number is taken. `replacing` removes what the part replaces, once its bytes are safe on the disk.
 *
 * @returns its path
 * @throws OutputError when the disk is full, the folder is gone, or it may not be written
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

/** Puts other bytes in a part file's place, at once. */
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

/** Removes a folder that holds nothing; any other stays. */
export const removeEmpty = (folder: string): Promise<void> => rmdir(folder).catch(() => undefined)

/** Removes part files; one that is gone already is no error. */
export async function removeParts(paths: readonly string[]): Promise<void> {
  for (const path of paths) await rm(path, { force: true })
}
