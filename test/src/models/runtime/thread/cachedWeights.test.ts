import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TensorInMemory } from '../../../../../src/models/graph/weights.js'
import { cachedWeights } from '../../../../../src/models/runtime/thread/cachedWeights.js'

let folder: string
let made: number
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-cache-'))
  made = 0
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const tensor = (changed: Partial<TensorInMemory> = {}): TensorInMemory => ({
  ...{
    name: 'w',
    path: 'w.q4',
    bits: 4,
    file: '/models/a/model.safetensors',
    dtype: 'F32',
    shape: [2, 32],
    begin: 0,
    length: 256,
  },
  ...changed,
})
const make = async ({ path }: TensorInMemory) => {
  made++
  return [
    { path, data: Uint8Array.of(1, 2, 3) },
    { path: `${path}.scales`, data: Uint8Array.of(4) },
  ]
}
const cached = (tensors = [tensor()], content = 'abc') => cachedWeights({ folder, content }, tensors, make)

describe('cachedWeights', () => {
  it('makes an entry once', async () => {
    const entry = await cached()
    expect(await cached()).toBe(entry)
    expect(made).toBe(1)
    expect((await readdir(entry)).sort()).toEqual(['manifest.json', 'w.q4', 'w.q4.scales'])
    expect([...(await readFile(join(entry, 'w.q4')))]).toEqual([1, 2, 3])
  })

  it.each<[string, Parameters<typeof cached>]>([
    ['content', [[tensor()], 'abd']],
    ['bits', [[tensor({ bits: 8 })]]],
    ['rows for columns', [[tensor({ transposed: true })]]],
    ['place in the file', [[tensor({ begin: 8 })]]],
    ['recipe', [[tensor({ recipe: { plus: 1 } })]]],
    ['tensors', [[tensor(), tensor({ name: 'v', path: 'v.q4' })]]],
  ])('makes another entry for other %s', async (_, given) => {
    expect(await cached(...given)).not.toBe(await cached())
  })

  it('finds the entry of a model that was moved', async () => {
    expect(await cached([tensor({ file: '/elsewhere/model.safetensors' })])).toBe(await cached())
    expect(made).toBe(1)
  })

  it.each<[string, (entry: string) => Promise<unknown>]>([
    ['is cut', (entry) => truncate(join(entry, 'w.q4'), 2)],
    ['has another byte', (entry) => writeFile(join(entry, 'w.q4'), Uint8Array.of(1, 9, 3))],
    ['is gone', (entry) => rm(join(entry, 'w.q4.scales'))],
    ['has no manifest', (entry) => rm(join(entry, 'manifest.json'))],
    ['has a manifest that is no JSON', (entry) => writeFile(join(entry, 'manifest.json'), '{')],
    ['has a manifest of something else', (entry) => writeFile(join(entry, 'manifest.json'), '{"files":[{"name":1}]}')],
    ['has a manifest without files', (entry) => writeFile(join(entry, 'manifest.json'), '{"files":[]}')],
  ])('makes an entry anew that %s', async (_, damage) => {
    await damage(await cached())
    const entry = await cached()
    expect(made).toBe(2)
    expect([...(await readFile(join(entry, 'w.q4')))]).toEqual([1, 2, 3])
    expect(await readdir(folder)).toHaveLength(1)
  })

  it.each<[string, number, (file: string) => Promise<unknown>]>([
    ['keeps', 1, async () => undefined],
    ['makes anew', 2, (file) => writeFile(file, Uint8Array.of(1, 9, 3))],
  ])('%s an entry that was copied, by its checksums', async (_, times, change) => {
    const entry = await cached()
    await cp(entry, `${entry}-copy`, { recursive: true })
    await change(join(`${entry}-copy`, 'w.q4'))
    await rm(entry, { recursive: true })
    await rename(`${entry}-copy`, entry)
    expect([...(await readFile(join(await cached(), 'w.q4')))]).toEqual([1, 2, 3])
    expect(made).toBe(times)
  })

  it('makes an entry anew whose file has another byte and its old time', async () => {
    const file = join(await cached(), 'w.q4')
    const { atime, mtime } = await stat(file)
    await writeFile(file, Uint8Array.of(1, 9, 3))
    await utimes(file, atime, mtime)
    await cached()
    expect(made).toBe(2)
  })

  it('gives the same entry to all who make it at once, and leaves nothing else behind', async () => {
    const entries = await Promise.all(Array.from({ length: 8 }, () => cached()))
    expect(new Set(entries).size).toBe(1)
    expect(await readdir(folder)).toHaveLength(1)
    expect([...(await readFile(join(entries[0]!, 'w.q4')))]).toEqual([1, 2, 3])
  })

  it('leaves nothing behind if a tensor cannot be made', async () => {
    const failing = cachedWeights({ folder, content: 'abc' }, [tensor()], async () => {
      throw new Error('not finite')
    })
    await expect(failing).rejects.toThrow('not finite')
    expect(await readdir(folder)).toEqual([])
  })

  it('removes what a killed run left a day ago, and nothing younger', async () => {
    const [old, young] = ['a.unfinished-1', 'b.unfinished-2'].map((name) => join(folder, name))
    for (const path of [old!, young!]) await mkdir(path)
    await utimes(old!, 1, 1)
    await cached()
    await expect(stat(old!)).rejects.toThrow()
    expect((await stat(young!)).isDirectory()).toBe(true)
  })

  it('fails where no folder can be made', async () => {
    await writeFile(join(folder, 'file'), '')
    await expect(cachedWeights({ folder: join(folder, 'file', 'weights'), content: 'a' }, [tensor()], make)).rejects.toThrow()
    await chmod(folder, 0o700)
  })
})
