import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { answersFile } from '../../../src/io/answersFile.js'
import { lockFolder } from '../../../src/io/folderLock.js'
import { toParquet } from '../../../src/io/toParquet.js'
import { fakeRun, row } from './fakeRun.js'

let folder: string
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'rxargs-lock-')), 'out')
  await mkdir(folder)
})
afterEach(() => rm(join(folder, '..'), { recursive: true, force: true }))

const locks = async () => (await readdir(folder)).filter((name) => name.startsWith('.run-'))
const owner = { host: hostname(), pid: 2 ** 22 + 5, startedAt: '2026-01-02T03:04:05.000Z', birth: null }
const leave = (fields: object, name = '.run-00000000.lock') =>
  writeFile(join(folder, name), JSON.stringify({ ...owner, ...fields }))

describe('the lock of a folder', () => {
  it('has one holder, and is free after release', async () => {
    const release = await lockFolder(folder)
    await expect(lockFolder(folder)).rejects.toThrow(`${folder} is in use: this process is writing to it`)
    await release()
    expect(await locks()).toEqual([])
    await (await lockFolder(folder))()
  })

  it('goes to exactly one of many simultaneous callers', async () => {
    const asked = await Promise.allSettled(Array.from({ length: 12 }, () => lockFolder(folder)))
    const held = asked.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
    expect(held).toHaveLength(1)
    expect(await locks()).toHaveLength(1)
    await held[0]!()
  })

  it('is taken over from a dead process', async () => {
    await leave({})
    const release = await lockFolder(folder)
    expect(await locks()).not.toContain('.run-00000000.lock')
    await release()
  })

  it.skipIf(process.platform !== 'linux')('is taken over from a dead process whose number was reused', async () => {
    await leave({ pid: process.pid, birth: 'another boot 17' })
    await (await lockFolder(folder))()
    expect(await locks()).toEqual([])
  })

  it.each([
    [
      'on another machine',
      { host: 'elsewhere' },
      `process ${owner.pid} on elsewhere, started 2026-01-02T03:04:05.000Z, is writing to it`,
    ],
    [
      'that lives',
      { pid: process.ppid },
      `process ${process.ppid} on ${hostname()}, started 2026-01-02T03:04:05.000Z, is writing to it`,
    ],
  ])('is not taken from a process %s, and the message names it and the file', async (_, fields, message) => {
    await leave(fields)
    await expect(lockFolder(folder)).rejects.toThrow(message)
    await expect(lockFolder(folder)).rejects.toThrow(`remove ${join(folder, '.run-00000000.lock')}`)
    expect(await locks()).toEqual(['.run-00000000.lock'])
  })

  it('is not taken if it is unreadable', async () => {
    await writeFile(join(folder, '.run-0.lock'), '')
    await expect(lockFolder(folder)).rejects.toThrow('its lock file cannot be read. If no other run uses the folder, remove')
  })
})

describe('toParquet and answers of a judge', () => {
  it('hold the lock until they end, fail or stop', async () => {
    const stop = new AbortController()
    let second: Promise<unknown> | undefined
    const hangs = () => {
      second ??= toParquet(folder, fakeRun([row('b')]), { force: true }).catch((error: unknown) => error)
      void second.then(() => stop.abort(new Error('stopped')))
    }
    await expect(toParquet(folder, fakeRun([row('a')], { hangs }), { signal: stop.signal })).rejects.toThrow('stopped')
    expect(String(await second)).toContain('this process is writing to it')
    expect(await readdir(folder)).toEqual(['part-00000.parquet'])
    await expect(toParquet(folder, fakeRun([row('b')], { fails: new Error('lost') }))).rejects.toThrow('lost')
    expect(await locks()).toEqual([])
    await toParquet(folder, fakeRun([row('c')]))
    expect(await locks()).toEqual([])
  })

  it('leave no new folder when they fail before the first part', async () => {
    const fresh = join(folder, 'fresh')
    await expect(toParquet(fresh, fakeRun([], { fails: new Error('lost') }))).rejects.toThrow('lost')
    expect(await readdir(folder)).toEqual([])
  })

  it('are written by one judge at a time', async () => {
    const file = await answersFile(folder, z.object({}))
    await expect(answersFile(folder, z.object({}))).rejects.toThrow('this process is writing to it')
    await file.close()
    await writeFile(join(folder, 'answers.jsonl'), 'no answer\n')
    await expect(answersFile(folder, z.object({}))).rejects.toThrow('got another line')
    expect(await locks()).toEqual([])
  })
})
