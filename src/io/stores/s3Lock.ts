import { randomUUID } from 'node:crypto'
import { readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import * as z from 'zod'
import { OutputError } from '../../core/errors.js'
import { birthOf } from '../folderLock.js'
import { type S3, s3Status } from '../sources/s3Client.js'
import { isRefusedByCondition, persistently, s3Reason } from '../sources/s3Errors.js'
import type { StoreLock } from './PartStore.js'

/** A lock whose owner has not renewed it for so long belongs to nobody. */
export const LEASE_MS = 60_000
const RENEW_MS = 15_000

const ownerSchema = z.object({
  id: z.string(),
  ...{ host: z.string(), pid: z.int(), startedAt: z.string(), birth: z.string().nullable(), processes: z.string().nullable() },
  /** Counts the renewals, so that each changes the object's ETag. */
  renewal: z.int(),
})
type Owner = z.output<typeof ownerSchema>

/** Tests shorten the lease. */
export type LockOptions = Readonly<{ leaseMs?: number; renewMs?: number }>

export type S3Lock = StoreLock &
  Readonly<{
    /**
     * Makes sure that this process still has the lock.
     *
     * @throws OutputError if another run has it
     */
    confirm: () => Promise<void>
  }>

export type LockPlace = Readonly<{ name: string; bucket: string; key: string }>

/** A lock as it was found. `age` is by the clock of the server, in milliseconds. */
type Found = Readonly<{ etag: string | undefined; owner: Owner | undefined; age: number }>

/**
 * Makes this process the only writer below a prefix, by an object that only one process can make, and that it renews while it runs. A lock of
 * a dead process of this machine is taken over at once, that of another machine when it was not renewed for `leaseMs`.
 *
 * @throws OutputError if another process writes there (the message names it)
 */
export async function lockS3(
  s3: S3,
  place: LockPlace,
  { leaseMs = LEASE_MS, renewMs = RENEW_MS }: LockOptions = {},
): Promise<S3Lock> {
  const owner = thisProcess()
  let etag = await take(s3, place, owner, leaseMs)
  let renewal = 0
  let renewedAt = now()
  let lostBecause: OutputError | undefined
  let fail: (error: unknown) => void = () => undefined
  const lost = new Promise<never>((_, reject) => {
    fail = reject
  })
  lost.catch(() => undefined)

  const lose = (why: string): never => {
    clearInterval(timer)
    lostBecause ??= new OutputError(
      `${place.name} is no longer locked by this run: ${why}. Its parts stay; the same command goes on`,
    )
    fail(lostBecause)
    throw lostBecause
  }
  let renewing: Promise<void> | undefined
  const renew = (): Promise<void> => {
    renewing ??= renewOnce().finally(() => {
      renewing = undefined
    })
    return renewing
  }
  const renewOnce = async (): Promise<void> => {
    if (lostBecause) throw lostBecause
    const started = now()
    const next = { ...owner, renewal: ++renewal }
    try {
      etag = await put(s3, place, next, { IfMatch: etag })
    } catch (error) {
      if (!isRefusedByCondition(error) && s3Status(error) !== 404) throw error
      const found = await look(s3, place)
      // The answer to a renewal may get lost.
      if (found?.owner?.id !== owner.id || found.etag === undefined)
        return lose(found?.owner ? `${describe(found.owner)} has taken it over` : 'its lock is gone')
      etag = found.etag
    }
    renewedAt = started
  }
  const timer = setInterval(() => {
    renew().catch((error: unknown) => {
      if (lostBecause || elapsed(renewedAt) < leaseMs) return
      try {
        lose(`it could not renew its lock for ${leaseMs / 1000} s: ${s3Reason(error, s3, place.bucket)}`)
      } catch {
        // `lost` tells it.
      }
    })
  }, renewMs)
  timer.unref()

  return {
    lost,
    async confirm() {
      if (lostBecause) throw lostBecause
      if (elapsed(renewedAt) > 2 * renewMs) await renew()
    },
    async release() {
      clearInterval(timer)
      await renewing?.catch(() => undefined)
      if (lostBecause) return
      await removeOwn(s3, place, owner.id)
    },
  }
}

type Instant = Readonly<{ steady: number; wall: number }>
const now = (): Instant => ({ steady: performance.now(), wall: Date.now() })
/** The steady clock stands still while a machine sleeps, and the other one may be set back. */
const elapsed = ({ steady, wall }: Instant): number => Math.max(performance.now() - steady, Date.now() - wall)

const thisProcess = (): Owner => ({
  id: randomUUID(),
  host: hostname(),
  pid: process.pid,
  startedAt: new Date(performance.timeOrigin).toISOString(),
  birth: birthOf(process.pid)?.birth ?? null,
  processes: processNamespace(),
  renewal: 0,
})

/** Numbers of processes mean something only within their namespace, as containers have their own. */
function processNamespace(): string | null {
  try {
    return readlinkSync('/proc/self/ns/pid')
  } catch {
    return null
  }
}

async function take(s3: S3, place: LockPlace, owner: Owner, leaseMs: number): Promise<string> {
  try {
    return await put(s3, place, owner, { IfNoneMatch: '*' })
  } catch (error) {
    if (!isRefusedByCondition(error)) throw error
  }
  const found = await look(s3, place)
  if (found?.owner?.id === owner.id && found.etag !== undefined) return found.etag
  if (found === undefined || (found.age < leaseMs && !hasDied(found.owner))) throw heldBy(place, found, leaseMs)
  try {
    return await put(s3, place, owner, { IfMatch: found.etag })
  } catch (error) {
    // Of several processes that take over a lock, one gets it.
    if (!isRefusedByCondition(error) && s3Status(error) !== 404) throw error
    const other = await look(s3, place)
    if (other?.owner?.id === owner.id && other.etag !== undefined) return other.etag
    throw heldBy(place, other, leaseMs)
  }
}

/** @returns the ETag */
async function put({ sdk, client }: S3, { bucket, key }: LockPlace, owner: Owner, condition: object): Promise<string> {
  const request = { Bucket: bucket, Key: key, Body: `${JSON.stringify(owner)}\n`, ContentType: 'application/json', ...condition }
  const { ETag } = await persistently(() => client.send(new sdk.PutObjectCommand(request)))
  return ETag ?? ''
}

async function look({ sdk, client }: S3, { bucket, key }: LockPlace): Promise<Found | undefined> {
  const command = new sdk.GetObjectCommand({ Bucket: bucket, Key: key })
  let date: string | undefined
  command.middlewareStack.add(
    (next) => async (request) => {
      const result = await next(request)
      date = (result.response as { headers?: Record<string, string> } | undefined)?.headers?.date
      return result
    },
    { step: 'deserialize', priority: 'low' },
  )
  try {
    const found = await client.send(command)
    const serverTime = date === undefined ? Date.now() : Date.parse(date)
    return {
      etag: found.ETag,
      owner: ownerOf((await found.Body?.transformToString()) ?? ''),
      // Both times are whole seconds, of clocks that may be a second apart.
      age: Math.max(0, serverTime - (found.LastModified?.getTime() ?? serverTime)),
    }
  } catch (error) {
    if (s3Status(error) === 404) return undefined
    throw error
  }
}

function ownerOf(text: string): Owner | undefined {
  try {
    return ownerSchema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

/** Whether the owner was a process of this machine, or container, that has ended. */
function hasDied(owner: Owner | undefined): boolean {
  const own = birthOf(process.pid)?.birth
  if (!owner || !own || owner.birth === null || owner.processes === null || owner.processes !== processNamespace()) return false
  const bootOf = (birth: string) => birth.split(' ')[0]
  if (owner.host !== hostname() || bootOf(owner.birth) !== bootOf(own)) return false
  const there = birthOf(owner.pid)
  return there === undefined || there.hasEnded || there.birth !== owner.birth
}

/** Removes the lock, unless another process has it. A server without conditional deletes gets a plain one. */
async function removeOwn(s3: S3, place: LockPlace, id: string): Promise<void> {
  const { sdk, client } = s3
  const found = await look(s3, place)
  if (found?.owner?.id !== id) return
  const at = { Bucket: place.bucket, Key: place.key }
  await client.send(new sdk.DeleteObjectCommand({ ...at, IfMatch: found.etag })).catch(async (error: unknown) => {
    if (isRefusedByCondition(error) || s3Status(error) === 404) return
    await persistently(() => client.send(new sdk.DeleteObjectCommand(at)))
  })
}

const describe = ({ host, pid, startedAt }: Owner): string =>
  pid === process.pid && host === hostname() ? 'this process' : `process ${pid} on ${host}, started ${startedAt},`

function heldBy({ name, bucket, key }: LockPlace, found: Found | undefined, leaseMs: number): OutputError {
  const lock = `s3://${bucket}/${key}`
  if (found === undefined)
    return new OutputError(`${name} was in use a moment ago, and its lock ${lock} is gone now. Start again`)
  if (found.owner === undefined)
    return new OutputError(`${name} is in use, but its lock cannot be read. If no other run uses it, remove ${lock}`)
  const seen = Math.max(0, Math.round(found.age / 1000))
  return new OutputError(
    `${name} is in use: ${describe(found.owner)} is writing to it, and renewed its lock ${seen} s ago. Wait for it, or use another prefix; if it has ended, its lock is free ${leaseMs / 1000} s after the last renewal`,
  )
}
