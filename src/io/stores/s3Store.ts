import type { ListMultipartUploadsCommandOutput } from '@aws-sdk/client-s3'
import { OutputError } from '../../core/errors.js'
import { isPart } from '../parquet/partNames.js'
import { openS3, type S3, s3Address } from '../sources/s3Client.js'
import { persistently, s3Reason } from '../sources/s3Errors.js'
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
  let held: S3Lock | undefined

  const pathOf = (file: string) => `${name}/${file}`
  /** @throws OutputError for a failed request, with what was attempted */
  const attempt = async <T>(what: string, work: (s3: S3) => Promise<T>): Promise<T> => {
    const s3 = await openS3()
    try {
      return await work(s3)
    } catch (error) {
      if (error instanceof OutputError) throw error
      throw new OutputError(`${what}: ${s3Reason(error, s3, bucket)}`)
    }
  }
  const remove = (paths: readonly string[]) =>
    attempt(`Expected to remove objects of ${name}`, async ({ sdk, client }) => {
      await held?.confirm()
      for (const path of paths)
        await persistently(() => client.send(new sdk.DeleteObjectCommand({ Bucket: bucket, Key: s3Address(path).key })))
    })

  return {
    ...{ name, pathOf, remove },
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
        return names
      }),
    check: () => probeS3(name, bucket, prefix),
    async prepare() {
      await probeS3(name, bucket, prefix)
      return false
    },
    // A prefix without objects is nothing.
    removeEmpty: async () => undefined,
    lock: () =>
      attempt(`Expected to lock ${name}`, async (s3) => {
        held = await lockS3(s3, { name, bucket, key: `${prefix}.run.lock` }, lockOptions)
        return held
      }),
    removeUnfinished: () =>
      attempt(`Expected to find unfinished uploads below ${name}`, (s3) => removeUnfinished(s3, bucket, prefix)),
    stage: (bytes, expected) =>
      attempt(`Expected to write a part file into ${name}`, async (s3) => {
        const isSmall = bytes.length <= singleBytes
        let upload = expected && (await startUpload(s3, { bucket, key: `${prefix}${await expected()}` }, bytes))
        return {
          place: (file) =>
            attempt(`Expected to put ${pathOf(file)}`, async () => {
              await held?.confirm()
              const place = { bucket, key: `${prefix}${file}` }
              if (upload === undefined && isSmall) return putIfAbsent(s3, place, bytes)
              // Bytes go up to one key, so another name takes another upload.
              if (upload?.key !== place.key) {
                await upload?.abort()
                upload = undefined
                if (isSmall) return putIfAbsent(s3, place, bytes)
                upload = await startUpload(s3, place, bytes)
              }
              const isPlaced = await upload.complete()
              if (isPlaced) upload = undefined
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
  const { Contents = [] } = await client.send(new sdk.ListObjectsV2Command({ ...here, Prefix: `${prefix}.probe-` }))
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
