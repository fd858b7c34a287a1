import type { AsyncBuffer } from 'hyparquet'
import { messageOf } from '../../core/errors.js'
import { type RangeAnswer, type ReadRange, Refused, rangedBuffer, resumedBytes } from './rangedFile.js'
import { type S3, type S3Address, s3Address, s3Status } from './s3Client.js'
import { isUnanswered } from './s3Errors.js'

/** Whether there is an object of this key. Errors other than a missing one are the reader's. */
export async function isObject({ sdk, client }: S3, { bucket, key }: S3Address): Promise<boolean> {
  return client.send(new sdk.HeadObjectCommand({ Bucket: bucket, Key: key })).then(
    () => true,
    (error: unknown) => s3Status(error) !== 404,
  )
}

/** Opens an object for reads by position. */
export const s3Buffer = (s3: S3, address: string): Promise<AsyncBuffer> =>
  rangedBuffer({ name: address, read: readerOf(s3, s3Address(address)) })

/** Reads an object from its start. */
export const s3Bytes = (s3: S3, address: string): AsyncGenerator<Uint8Array> =>
  resumedBytes({ name: address, read: readerOf(s3, s3Address(address)) })

const readerOf =
  ({ sdk, client }: S3, { bucket, key }: S3Address): ReadRange =>
  async (start, end): Promise<RangeAnswer> => {
    const range = start === 0 && end === undefined ? {} : { Range: `bytes=${start}-${end === undefined ? '' : end - 1}` }
    const found = await client.send(new sdk.GetObjectCommand({ Bucket: bucket, Key: key, ...range })).catch((error: unknown) => {
      // The client has repeated what is worth it.
      throw isUnanswered(error) ? error : new Refused(messageOf(error))
    })
    const [, first, whole] = found.ContentRange?.match(/^bytes (\d+)-\d+\/(\d+)$/) ?? []
    const size = whole === undefined ? found.ContentLength : Number(whole)
    return {
      bytes: found.Body as AsyncIterable<Uint8Array>,
      start: first === undefined ? 0 : Number(first),
      ...(size !== undefined && { size }),
      ...(found.ETag !== undefined && { version: found.ETag }),
    }
  }
