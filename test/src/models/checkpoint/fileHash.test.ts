import { createHash } from 'node:crypto'
import { copyFile, mkdtemp, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hashFile, type RememberOptions, rememberedHashes } from '../../../../src/models/checkpoint/fileHash.js'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
/** In place of a hash in the folder, it shows that a hash was recalled. */
const RECALLED = 'recalled'

let root: string
let file: string
let folder: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'rxargs-hash-'))
  file = join(root, 'model.safetensors')
  folder = join(root, 'cache', 'hashes')
  await writeFile(file, 'weights')
})
afterEach(() => rm(root, { recursive: true, force: true }))

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const after = (ms: number): RememberOptions => ({ atLeast: 1, now: () => Date.now() + ms })
const hash = (options = after(MINUTE)): Promise<string> => rememberedHashes(folder, options)(file)

/** Hashes the file, and changes the hash that is remembered. */
async function remember(): Promise<void> {
  expect(await hash()).toBe(sha256('weights'))
  const [name] = await readdir(folder)
  const memo = join(folder, name!)
  await writeFile(memo, (await readFile(memo, 'utf8')).replace(sha256('weights'), RECALLED))
  expect(await hash()).toBe(RECALLED)
}

it('hashFile hashes the whole file', async () => {
  await writeFile(file, 'x'.repeat(3 << 20))
  expect(await hashFile(file)).toBe(sha256('x'.repeat(3 << 20)))
})

describe('rememberedHashes', () => {
  it('recalls the hash of an unchanged file', remember)

  it.each<[string, string, () => Promise<unknown>]>([
    ['has other bytes of the same length', 'Weights', () => writeFile(file, 'Weights')],
    [
      'has other bytes of the same length and its old time',
      'Weights',
      async () => {
        const { atime, mtime } = await stat(file)
        await writeFile(file, 'Weights')
        await utimes(file, atime, mtime)
      },
    ],
    [
      'was replaced by another of the same length and time',
      'Weights',
      async () => {
        const { atime, mtime } = await stat(file)
        const other = join(root, 'other')
        await writeFile(other, 'Weights')
        await utimes(other, atime, mtime)
        await rename(other, file)
      },
    ],
    ['was touched', 'weights', () => utimes(file, new Date(), new Date())],
    [
      'was replaced by its copy',
      'weights',
      async () => {
        await copyFile(file, join(root, 'copy'))
        await rename(join(root, 'copy'), file)
      },
    ],
  ])('hashes a file again that %s', async (_, content, change) => {
    await remember()
    await change()
    expect(await hash()).toBe(sha256(content))
    expect(await hash()).toBe(sha256(content))
  })

  it('does not remember a file that was written a moment ago', async () => {
    expect(await hash(after(0))).toBe(sha256('weights'))
    await expect(readdir(folder)).rejects.toThrow('ENOENT')
  })

  it('does not remember small files', async () => {
    await hash({ ...after(MINUTE), atLeast: 8 })
    await expect(readdir(folder)).rejects.toThrow('ENOENT')
  })

  it('hashes a file again after 30 days, and forgets those that nobody asks for', async () => {
    await remember()
    await writeFile(join(folder, 'gone'), '')
    expect(await hash(after(31 * DAY))).toBe(sha256('weights'))
    expect(await readdir(folder)).toHaveLength(1)
  })

  it.each(['', '{', '{"stamp":1}', 'null'])('hashes the file if it remembered `%s`', async (content) => {
    await remember()
    const [name] = await readdir(folder)
    await writeFile(join(folder, name!), content)
    expect(await hash()).toBe(sha256('weights'))
  })

  it('hashes files where nothing can be remembered', async () => {
    folder = join(file, 'hashes')
    expect(await hash()).toBe(sha256('weights'))
  })

  it('fails for a file that is missing', async () => {
    await rm(file)
    await expect(hash()).rejects.toThrow('ENOENT')
  })
})
