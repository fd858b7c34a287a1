import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { addNumberedPart, addPart, listParts } from '../../../src/io/parquet/partFiles.js'
import { folderStore } from '../../../src/io/stores/folderStore.js'
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
    const paths = await Promise.all(
      Array.from({ length: 20 }, (_, index) => addPart(folderStore(folder, options), bytes(`${index}`))),
    )
    expect(new Set(paths).size).toBe(20)
    expect((await readdir(folder)).sort()).toEqual(paths.map((path) => basename(path)).sort())
    const texts = await Promise.all(paths.map((path) => readFile(path, 'utf8')))
    expect(texts).toEqual(Array.from({ length: 20 }, (_, index) => `${index}`))
  })

  it('leaves nothing behind when it fails', async () => {
    await expect(addPart(folderStore(folder, { link: failing('ENOSPC') }), bytes('a'))).rejects.toThrow(
      /Expected to place a part file in .*ENOSPC/,
    )
    expect(await readdir(folder)).toEqual([])
    await expect(addPart(folderStore(join(folder, 'none')), bytes('a'))).rejects.toThrow(/Expected to write a part file into/)
  })

  it('removes the replaced part only after its own bytes are on disk', async () => {
    const replacing = async () => Promise.reject(new Error('too early'))
    await expect(addPart(folderStore(join(folder, 'none')), bytes('a'), { replacing })).rejects.toThrow(
      /Expected to write a part file into/,
    )
    const old = await addPart(folderStore(folder), bytes('a'))
    const path = await addPart(folderStore(folder), bytes('b'), { replacing: () => rm(old) })
    expect(await readdir(folder)).toEqual([basename(path)])
  })

  it('continues after the highest number, past five digits, too', async () => {
    await rm(await addPart(folderStore(folder), bytes('a')))
    await writeFile(join(folder, 'part-99999.parquet'), '')
    expect(basename(await addPart(folderStore(folder), bytes('b')))).toBe('part-100000.parquet')
    expect((await listParts(folder)).map((path) => basename(path))).toEqual(['part-99999.parquet', 'part-100000.parquet'])
  })
})

describe('addPart after a part of its own', () => {
  it('lists the place no more, and steps over the parts of other writers', async () => {
    const store = { ...folderStore(folder), list: () => Promise.reject(new Error('listed')) }
    await writeFile(join(folder, 'part-00003.parquet'), 'of another')
    const paths: string[] = [join(folder, 'part-00001.parquet')]
    for (const text of 'abc') paths.push(await addPart(store, bytes(text), { after: paths.at(-1) }))
    expect(paths.map((path) => basename(path)).join()).toBe(
      'part-00001.parquet,part-00002.parquet,part-00004.parquet,part-00005.parquet',
    )
    expect(await readFile(join(folder, 'part-00003.parquet'), 'utf8')).toBe('of another')
  })
})

describe('addNumberedPart', () => {
  it('writes a part under its number once, whoever comes first', async () => {
    const store = folderStore(folder)
    const made = await Promise.all(Array.from({ length: 8 }, (_, index) => addNumberedPart(store, 7, bytes(`${index}`))))
    expect(made.filter(Boolean).length).toBe(1)
    expect(await readdir(folder)).toEqual(['part-00007.parquet'])
    expect(await readFile(join(folder, 'part-00007.parquet'), 'utf8')).toBe(`${made.indexOf(true)}`)
  })
})
