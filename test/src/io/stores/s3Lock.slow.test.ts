import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { addPart } from '../../../../src/io/parquet/partFiles.js'
import { openS3 } from '../../../../src/io/sources/s3Client.js'
import type { StoreLock } from '../../../../src/io/stores/PartStore.js'
import { s3Store } from '../../../../src/io/stores/s3Store.js'
import { toParquet } from '../../../../src/io/toParquet.js'
import { fakeRun, many } from '../fakeRun.js'
import { type ConditionalS3, conditionalS3, server, WITHOUT_SERVER } from '../sources/conditionalS3.js'

const bytes = (text: string) => new TextEncoder().encode(text)
const messageOf = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: Error) => error.message,
  )

let made = 0
let place: string
beforeEach(() => {
  made++
  place = `s3://data/locks/${made}`
})
const lockAt = () => ({ Bucket: 'data', Key: `locks/${made}/.run.lock` })

async function lockText(): Promise<string> {
  const { sdk, client } = await openS3()
  return (await client.send(new sdk.GetObjectCommand(lockAt()))).Body!.transformToString()
}

/** The lock of a run on another machine. */
async function putForeignLock(fields: object = {}): Promise<void> {
  const { sdk, client } = await openS3()
  const owner = {
    id: 'x',
    host: 'elsewhere',
    pid: 7,
    startedAt: '2026-01-01T00:00:00.000Z',
    birth: null,
    processes: null,
    renewal: 0,
  }
  await client.send(new sdk.PutObjectCommand({ ...lockAt(), Body: JSON.stringify({ ...owner, ...fields }) }))
}

/** Takes a lock from an owner who may just be renewing it. */
async function takeOver(): Promise<StoreLock> {
  for (;;) {
    const lock = await s3Store(place, { leaseMs: 0 })
      .lock()
      .catch((error: Error) => error)
    if (!(lock instanceof Error)) return lock
    if (!lock.message.includes('is in use')) throw lock
  }
}

describe.skipIf(server === undefined)(
  `the lock of a prefix${server === undefined ? ` (skipped: ${WITHOUT_SERVER})` : ''}`,
  () => {
    let s3: ConditionalS3
    beforeAll(async () => {
      s3 = await conditionalS3()
    })
    afterAll(() => s3?.close())

    it('goes to one of many that ask at once, and to the next when it is released', async () => {
      const asked = await Promise.allSettled(Array.from({ length: 8 }, () => s3Store(place).lock()))
      const locks = asked.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
      expect(locks.length).toBe(1)
      for (const each of asked)
        if (each.status === 'rejected')
          expect(each.reason.message).toMatch(
            /^s3:\/\/data\/locks\/\d+ is in use: this process is writing to it, and renewed its lock \d+ s ago. Wait for it, or use another prefix; if it has ended, its lock is free 60 s after the last renewal$/,
          )
      await locks[0]!.release()
      expect(await s3Store(place).list()).toEqual([])
      await (await s3Store(place).lock()).release()
    })

    it('refuses a second run, and names the first', async () => {
      await putForeignLock()
      const done = messageOf(toParquet(place, fakeRun(many(3))))
      expect(await done).toMatch(/ is in use: process 7 on elsewhere, started 2026-01-01T00:00:00.000Z, is writing to it/)
      expect(await s3Store(place).list()).toEqual(['.run.lock'])
    })

    it('refuses a prefix whose lock cannot be read', async () => {
      await putForeignLock({ pid: 'x' })
      expect(await messageOf(s3Store(place).lock())).toBe(
        `${place} is in use, but its lock cannot be read. If no other run uses it, remove ${place}/.run.lock`,
      )
    })

    it('is taken over when its owner has not renewed it for long enough, by one of many', async () => {
      await putForeignLock()
      const asked = await Promise.allSettled(Array.from({ length: 8 }, () => s3Store(place, { leaseMs: 0 }).lock()))
      const locks = asked.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
      // With a lease of nothing, the lock of a winner is free as well.
      expect(locks.length).toBeGreaterThan(0)
      for (const each of asked) if (each.status === 'rejected') expect(each.reason.message).toContain(' is in use: this process')
      expect(JSON.parse(await lockText())).toMatchObject({ pid: process.pid })
      for (const each of locks) await each.release()
      expect(await s3Store(place).list()).toEqual([])
    })

    it('is renewed while the run goes on', async () => {
      const lock = await s3Store(place, { renewMs: 5 }).lock()
      while ((JSON.parse(await lockText()) as { renewal: number }).renewal < 3) await new Promise(setImmediate)
      await lock.release()
      expect(await s3Store(place).list()).toEqual([])
    })

    it('stops the run that has lost it, and its release leaves the lock of the other', async () => {
      const first = await s3Store(place, { renewMs: 5 }).lock()
      const second = await takeOver()
      await expect(first.lost).rejects.toThrow(
        `${place} is no longer locked by this run: this process has taken it over. Its parts stay; the same command goes on`,
      )
      await first.release()
      expect(await s3Store(place).list()).toEqual(['.run.lock'])
      await second.release()
    })

    it('stops the run whose lock somebody has removed', async () => {
      const lock = await s3Store(place, { renewMs: 5 }).lock()
      await s3Store(place).remove([`${place}/.run.lock`])
      await expect(lock.lost).rejects.toThrow('is no longer locked by this run: its lock is gone')
    })

    it('keeps two runs that both believe to have it from writing a row twice', async () => {
      const [slept, other] = [s3Store(place), s3Store(place, { leaseMs: 0 })]
      await slept.lock()
      expect(await slept.list()).toEqual(['.run.lock'])
      await other.lock()
      expect(await other.list()).toEqual(['.run.lock'])
      // Neither has looked at its lock since.
      await addPart(slept, bytes('late'))
      expect(await messageOf(addPart(other, bytes('next')))).toBe(
        `Expected to place a part file in ${place}: another run has written ${place}/part-00000.parquet meanwhile. Its rows stay, and the same command goes on`,
      )
      const staged = await other.stage(bytes('next'))
      expect(await messageOf(staged.place('part-00000.parquet'))).toContain('another run has written')
      expect(await s3Store(place).list()).toEqual(['.run.lock', 'part-00000.parquet'])
    })
  },
)
