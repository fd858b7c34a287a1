import type { AsyncBuffer } from 'hyparquet'
import { messageOf } from '../../core/errors.js'
import { type RangeAnswer, type ReadRange, Refused, rangedBuffer, resumedBytes } from './rangedFile.js'
import { openS3, type S3, type S3Address, s3Address } from './s3Client.js'
import { isUnanswered } from './s3Errors.js'

/** Opens an object for reads by position. */
export async function s3Buffer(address: string): Promise<AsyncBuffer> {
  return rangedBuffer({ name: address, read: readerOf(await openS3(), s3Address(address)) })
}

/** Reads an object from its start. */
export async function* s3Bytes(address: string): AsyncGenerator<Uint8Array> {
  yield* resumedBytes({ name: address, read: readerOf(await openS3(), s3Address(address)) })
}

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
