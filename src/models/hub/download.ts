import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ModelError } from '../../core/errors.js'
import { ConnectionError, causeOf } from './hubRequest.js'
import type { HubFile } from './neededFiles.js'

export type DownloadOptions = Readonly<{
  url: string
  /** Must return responses of status 416, too. */
  request: (url: string, init: RequestInit) => Promise<Response>
  /** Path of the complete file. Until then the path ends in `.incomplete`. */
  blob: string
  /** Called with the number of bytes so far. */
  onBytes: (there: number) => void
  /** Waits before the attempt of this number. */
  pause: (attempt: number) => Promise<void>
}>

/** Gives up after this many attempts in a row without a further byte. */
const ATTEMPTS = 4

/** SHA-256 if the hub gives it, else git's hash of a file. */
function hashOf({ size, sha256 }: HubFile): Hash {
  return sha256 === undefined ? createHash('sha1').update(`blob ${size}\0`) : createHash('sha256')
}

const sizeOf = async (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  )

/** Hashes the part that an earlier attempt left. */
async function resumed(file: HubFile, path: string): Promise<{ hash: Hash; there: number }> {
  const there = await sizeOf(path)
  const hash = hashOf(file)
  if (there === 0 || there > file.size) {
    await rm(path, { force: true })
    return { hash, there: 0 }
  }
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer)
  return { hash, there }
}

/** Appends the body, at most up to the file's size. */
async function append(
  handle: FileHandle,
  response: Response,
  file: HubFile,
  hash: Hash,
  there: number,
  onBytes: (n: number) => void,
) {
  let size = there
  const reader = response.body!.getReader()
  for (;;) {
    const { value, done } = await reader.read().catch((error: unknown) => {
      throw new ConnectionError(`The connection broke at ${size} of ${file.size} bytes of ${file.path}: ${causeOf(error)}`)
    })
    if (done) break
    size += value.length
    if (size > file.size) {
      await reader.cancel()
      throw new ModelError(`Expected ${file.size} bytes of ${file.path}, got more`)
    }
    await handle.writeFile(value)
    hash.update(value)
    onBytes(size)
  }
  if (size < file.size) throw new ConnectionError(`The connection ended at ${size} of ${file.size} bytes of ${file.path}`)
  await handle.sync()
}

/** Resumes after the last attempt. Returns the hash of the whole file. */
async function attempt(file: HubFile, { url, request, onBytes }: DownloadOptions, path: string): Promise<string> {
  let { hash, there } = await resumed(file, path)
  onBytes(there)
  if (there < file.size) {
    const response = await request(url, { headers: there > 0 ? { range: `bytes=${there}-` } : {} })
    const goesOn = response.status === 206 && response.headers.get('content-range')?.startsWith(`bytes ${there}-`)
    if (there > 0 && !goesOn) {
      await rm(path, { force: true })
      ;[hash, there] = [hashOf(file), 0]
    }
    if (response.status === 416) {
      await response.body?.cancel()
      throw new ConnectionError(`The hub has no more of ${file.path} where it has ${file.size} bytes`)
    }
    const handle = await open(path, 'a')
    try {
      await append(handle, response, file, hash, there, onBytes)
    } finally {
      await handle.close()
    }
  } else if (file.size === 0) await (await open(path, 'a')).close()
  return hash.digest('hex')
}

/**
 * Downloads one file, or resumes an earlier download. It checks size and hash before the file gets its name.
 *
 * @throws ModelError for a file with another size or hash than listed; the file is removed
 * @throws ConnectionError if the connection breaks repeatedly; the part stays for the next call
 */
export async function download(file: HubFile, options: DownloadOptions): Promise<void> {
  const { blob, pause } = options
  const path = `${blob}.incomplete`
  const expected = file.sha256 ?? file.oid
  await mkdir(dirname(blob), { recursive: true })
  let isFresh = (await sizeOf(path)) === 0
  for (let failures = 0, before = await sizeOf(path); ; ) {
    try {
      const found = await attempt(file, options, path)
      if (found === expected) return await rename(path, blob)
      await rm(path, { force: true })
      if (isFresh) {
        const name = file.sha256 === undefined ? "git's hash" : 'SHA-256'
        throw new ModelError(`Expected ${name} ${expected} of ${file.path}, got ${found}. The file was removed; try again`)
      }
      isFresh = true // The earlier part may be of another file.
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error
      const there = await sizeOf(path)
      failures = there > before ? 1 : failures + 1
      before = there
      if (failures >= ATTEMPTS) throw error
      await pause(failures)
    }
  }
}
