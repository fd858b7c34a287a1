import { createHash, randomUUID } from 'node:crypto'
import { type FileHandle, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import * as z from 'zod'
import { makeCacheFolder, stampOf } from '../keptFiles.js'

/** Gives the SHA-256 of a file. */
export type HashFile = (file: string) => Promise<string>

/** Reads a whole file and hashes it. */
export async function hashFile(file: string): Promise<string> {
  const handle = await open(file)
  try {
    return await hashOf(handle)
  } finally {
    await handle.close()
  }
}

async function hashOf(handle: FileHandle): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(handle.createReadStream({ highWaterMark: 1 << 20, autoClose: false }), hash)
  return hash.digest('hex')
}

export type RememberOptions = Readonly<{
  /** Smaller files are hashed each time. In bytes. */
  atLeast?: number
  now?: () => number
}>

/** Times of files may be this coarse, so a younger file may change again without another stamp. */
const SETTLED_MS = 3000
const REMEMBERED_MS = 30 * 24 * 60 * 60_000

const memoSchema = z.object({ stamp: z.string(), sha256: z.string() })

/**
 * Hashes large files once and remembers the hashes in a folder for 30 days, by the files' paths. A hash counts as long as the file's stamp is the same.
 * A folder that cannot be used costs time and nothing else.
 */
export function rememberedHashes(folder: string, { atLeast = 1 << 24, now = Date.now }: RememberOptions = {}): HashFile {
  return async (file) => {
    const handle = await open(file)
    try {
      const before = await handle.stat({ bigint: true })
      if (before.size < atLeast) return await hashOf(handle)
      const stamp = stampOf(before)
      const memo = join(folder, createHash('sha256').update(resolve(file)).digest('hex'))
      const known = await recall(memo, now)
      if (known?.stamp === stamp) return known.sha256
      const isSettled = now() - Number(before.ctimeNs / 1_000_000n) > SETTLED_MS
      const sha256 = await hashOf(handle)
      if (isSettled && stampOf(await handle.stat({ bigint: true })) === stamp)
        await remember(folder, memo, { stamp, sha256 }, now).catch(() => undefined)
      return sha256
    } finally {
      await handle.close()
    }
  }
}

async function recall(memo: string, now: () => number): Promise<z.output<typeof memoSchema> | undefined> {
  try {
    if (now() - (await stat(memo)).mtimeMs > REMEMBERED_MS) return undefined
    return memoSchema.parse(JSON.parse(await readFile(memo, 'utf8')))
  } catch {
    return undefined
  }
}

async function remember(folder: string, memo: string, content: z.output<typeof memoSchema>, now: () => number): Promise<void> {
  await makeCacheFolder(folder)
  for (const name of await readdir(folder)) {
    const { mtimeMs } = await stat(join(folder, name)).catch(() => ({ mtimeMs: now() }))
    if (now() - mtimeMs > REMEMBERED_MS) await rm(join(folder, name), { force: true })
  }
  const unfinished = `${memo}.${randomUUID()}`
  await writeFile(unfinished, JSON.stringify(content))
  await rename(unfinished, memo)
}
