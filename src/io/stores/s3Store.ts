import type { ListMultipartUploadsCommandOutput } from '@aws-sdk/client-s3'
import { OutputError } from '../../core/errors.js'
import { isPart } from '../parquet/partNames.js'
import { openS3, type S3, s3Address, s3Status } from '../sources/s3Client.js'
import { persistently, s3Reason } from '../sources/s3Errors.js'
import { isObject, s3Buffer } from '../sources/s3Object.js'
import type { PartStore } from './PartStore.js'
import { type LockOptions, lockS3, type S3Lock } from './s3Lock.js'
import { probeS3 } from './s3Probe.js'
import { putIfAbsent, SINGLE_BYTES, startUpload } from './s3Upload.js'

export type S3StoreOptions = LockOptions & Readonly<{ singleBytes?: number }>

/**
 * The objects below a prefix of S3 as a place of parts. An object has no half: it is there with all its bytes, or not at all.
 *
 * @param singleBytes larger parts go up in pieces
 * @throws OptionError for another address than s3://BUCKET/PREFIX
 */
export function s3Store(address: string, { singleBytes = SINGLE_BYTES, ...lockOptions }: S3StoreOptions = {}): PartStore {
  const { bucket, key } = s3Address(address)
  const folder = key.replace(/\/+$/, '')
  const name = `s3://${bucket}${folder === '' ? '' : `/${folder}`}`
  const prefix = folder === '' ? '' : `${folder}/`
  let client: Promise<S3> | undefined
  /** The one client of this place, opened by its first request. */
  const opened = (): Promise<S3> => {
    client ??= openS3()
    return client
  }
  let held: S3Lock | undefined
  /** Parts that were there when this process took the lock, and those that it has written since. */
  let known: Set<string> | undefined

  const pathOf = (file: string) => `${name}/${file}`
  /** @throws OutputError for a failed request, with what was attempted */
  const attempt = async <T>(what: string, work: (s3: S3) => Promise<T>): Promise<T> => {
    const s3 = await opened()
    try {
      return await work(s3)
    } catch (error) {
      if (error instanceof OutputError) throw error
      throw new OutputError(`${what}: ${s3Reason(error, s3, bucket)}`)
    }
  }
  /**
   * A run that has slept past its lease may still finish a put after another run has taken over. Both write consecutive numbers, so the one
   * that meets a part of the other stops, before a row is there twice.
   */
  const strange = (part: string): never => {
    throw new OutputError(`another run has written ${pathOf(part)} meanwhile. Its rows stay, and the same command goes on`)
  }
  const remove = (paths: readonly string[]) =>
    attempt(`Expected to remove objects of ${name}`, async ({ sdk, client }) => {
      await held?.confirm()
      for (const path of paths)
        await persistently(() => client.send(new sdk.DeleteObjectCommand({ Bucket: bucket, Key: s3Address(path).key })))
    })

  return {
    ...{ name, pathOf, remove },
    file: (path) => ({ name: path, buffer: async () => s3Buffer(await opened(), path) }),
    isFolder: async () => /(^|\/)$/.test(key) || !(await isObject(await opened(), { bucket, key })),
    list: () =>
      attempt(`Expected to list ${name}/`, async ({ sdk, client }) => {
        const names: string[] = []
        const listing = { Bucket: bucket, Prefix: prefix, Delimiter: '/' }
        let ContinuationToken: string | undefined
        do {
          const page = await persistently(() => client.send(new sdk.ListObjectsV2Command({ ...listing, ContinuationToken })))
          for (const { Key } of page.Contents ?? []) if (Key && Key !== prefix) names.push(Key.slice(prefix.length))
          ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined
        } while (ContinuationToken !== undefined)
        if (held === undefined) return names
        const parts = names.filter(isPart)
        known ??= new Set(parts)
        for (const part of parts) if (!known.has(part)) strange(part)
        return names
      }),
    has: (file) =>
      attempt(`Expected to look for ${pathOf(file)}`, async ({ sdk, client }) => {
        const head = new sdk.HeadObjectCommand({ Bucket: bucket, Key: `${prefix}${file}` })
        return persistently(() => client.send(head)).then(
          () => true,
          (error: unknown) => {
            if (s3Status(error) === 404) return false
            throw error
          },
        )
      }),
    check: async () => probeS3(await opened(), name, bucket, prefix),
    async prepare() {
      await probeS3(await opened(), name, bucket, prefix)
      return false
    },
    // A prefix without objects is nothing.
    removeEmpty: async () => undefined,
    lock: () =>
      attempt(`Expected to lock ${name}`, async (s3) => {
        const lock = await lockS3(s3, { name, bucket, key: `${prefix}.run.lock` }, lockOptions)
        held = lock
        const release = async () => {
          held = undefined
          known = undefined
          await lock.release()
        }
        return { lost: lock.lost, release }
      }),
    removeUnfinished: () =>
      attempt(`Expected to find unfinished uploads below ${name}`, (s3) => removeUnfinished(s3, bucket, prefix)),
    stage: (bytes, expected) =>
      attempt(`Expected to write a part file into ${name}`, async (s3) => {
        const isSmall = bytes.length <= singleBytes
        const addressOf = (file: string) => ({ bucket, key: `${prefix}${file}` })
        let upload = expected && (await startUpload(s3, addressOf(await expected()), bytes))
        const put = async (file: string): Promise<boolean> => {
          const place = addressOf(file)
          // Bytes go up to one key, so another name takes another upload.
          if (upload !== undefined && upload.key !== place.key) {
            await upload.abort()
            upload = undefined
          }
          if (upload === undefined && !isSmall) upload = await startUpload(s3, place, bytes)
          await held?.confirm()
          return upload === undefined ? putIfAbsent(s3, place, bytes) : upload.complete()
        }
        return {
          place: (file) =>
            attempt(`Expected to put ${pathOf(file)}`, async () => {
              const isPlaced = await put(file)
              if (isPlaced) {
                upload = undefined
                known?.add(file)
              } else if (held !== undefined) strange(file)
              return isPlaced
            }),
          discard: async () => upload?.abort(),
        }
      }),
    replace: (path, bytes) =>
      attempt(`Expected to rewrite ${path}`, async ({ sdk, client }) => {
        await held?.confirm()
        const put = { Bucket: bucket, Key: s3Address(path).key, Body: bytes }
        await persistently(() => client.send(new sdk.PutObjectCommand(put)))
      }),
  }
}

/** Probes take no time, so one this old belongs to nobody. */
const ABANDONED_MS = 10 * 60_000
const isOldProbe = (name: string, since: Date | undefined): boolean =>
  name.startsWith('.probe-') && Date.now() - (since?.getTime() ?? 0) > ABANDONED_MS

/** Removes the uploads and probes of killed runs. Gives the names of the parts that were on their way. */
async function removeUnfinished({ sdk, client }: S3, bucket: string, prefix: string): Promise<string[]> {
  const names: string[] = []
  const here = { Bucket: bucket, Prefix: prefix, Delimiter: '/' }
  for await (const { Uploads = [] } of uploadPages({ sdk, client }, here))
    for (const { Key = '', UploadId, Initiated } of Uploads) {
      const name = Key.slice(prefix.length)
      if (!isPart(name) && !isOldProbe(name, Initiated)) continue
      await persistently(() => client.send(new sdk.AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId })))
      if (isPart(name)) names.push(`the upload of ${name}`)
    }
  const probes = new sdk.ListObjectsV2Command({ ...here, Prefix: `${prefix}.probe-` })
  const { Contents = [] } = await persistently(() => client.send(probes))
  for (const { Key = '', LastModified } of Contents)
    if (isOldProbe(Key.slice(prefix.length), LastModified))
      await persistently(() => client.send(new sdk.DeleteObjectCommand({ Bucket: bucket, Key })))
  return names
}

async function* uploadPages(
  { sdk, client }: Pick<S3, 'sdk' | 'client'>,
  here: Readonly<{ Bucket: string; Prefix: string; Delimiter: string }>,
): AsyncGenerator<ListMultipartUploadsCommandOutput> {
  let [KeyMarker, UploadIdMarker]: (string | undefined)[] = []
  do {
    const from = { ...here, KeyMarker, UploadIdMarker }
    const page: ListMultipartUploadsCommandOutput = await persistently(() =>
      client.send(new sdk.ListMultipartUploadsCommand(from)),
    )
    yield page
    ;[KeyMarker, UploadIdMarker] = page.IsTruncated ? [page.NextKeyMarker, page.NextUploadIdMarker] : []
  } while (KeyMarker !== undefined)
}
