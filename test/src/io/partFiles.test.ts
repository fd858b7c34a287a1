import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { addPart, listParts } from '../../../src/io/parquet/partFiles.js'
import { tempFolder } from '../../tempFolder.js'

let folder: string
tempFolder((path) => {
  folder = path
})

const bytes = (text: string) => new TextEncoder().encode(text)
const failing = (code: string) => () => Promise.reject(Object.assign(new Error(code), { code }))

describe('addPart', () => {
  it.each([
    ['links', {}],
    ['claims, where there are no links', { link: failing('EPERM') }],
  ])('lets many writers share a folder by %s without loss', async (_, options) => {
    const paths = await Promise.all(Array.from({ length: 20 }, (_, index) => addPart(folder, bytes(`${index}`), options)))
    expect(new Set(paths).size).toBe(20)
    expect((await readdir(folder)).sort()).toEqual(paths.map((path) => basename(path)).sort())
    const texts = await Promise.all(paths.map((path) => readFile(path, 'utf8')))
    expect(texts).toEqual(Array.from({ length: 20 }, (_, index) => `${index}`))
  })

  it('leaves nothing behind when it fails', async () => {
    await expect(addPart(folder, bytes('a'), { link: failing('ENOSPC') })).rejects.toThrow(
      /Expected to place a part file in .*ENOSPC/,
    )
    expect(await readdir(folder)).toEqual([])
    await expect(addPart(join(folder, 'none'), bytes('a'))).rejects.toThrow(/Expected to write a part file into/)
  })

  it('removes the replaced part only after its own bytes are on disk', async () => {
    const replacing = async () => Promise.reject(new Error('too early'))
    await expect(addPart(join(folder, 'none'), bytes('a'), { replacing })).rejects.toThrow(/Expected to write a part file into/)
    const old = await addPart(folder, bytes('a'))
    const path = await addPart(folder, bytes('b'), { replacing: () => rm(old) })
    expect(await readdir(folder)).toEqual([basename(path)])
  })

  it('continues after the highest number, past five digits, too', async () => {
    await rm(await addPart(folder, bytes('a')))
    await writeFile(join(folder, 'part-99999.parquet'), '')
    expect(basename(await addPart(folder, bytes('b')))).toBe('part-100000.parquet')
    expect((await listParts(folder)).map((path) => basename(path))).toEqual(['part-99999.parquet', 'part-100000.parquet'])
  })
})
