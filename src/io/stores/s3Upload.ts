import { randomUUID } from 'node:crypto'
import { type S3, type S3Address, s3Status } from '../sources/s3Client.js'
import { isRefusedByCondition, persistently } from '../sources/s3Errors.js'

/** Larger parts go up in pieces. */
export const SINGLE_BYTES = 64 * 2 ** 20
const PIECE_BYTES = 16 * 2 ** 20
const TYPE = 'application/vnd.apache.parquet'
/** Metadata of an object: which upload it came from. */
const UPLOAD = 'rxargs-upload'

/**
 * Whether the object came from this upload. When an answer got lost, the repeated request finds the object of the first one in its way.
 */
const isFrom = async ({ sdk, client }: S3, { bucket, key }: S3Address, upload: string): Promise<boolean> =>
  persistently(() => client.send(new sdk.HeadObjectCommand({ Bucket: bucket, Key: key }))).then(
    ({ Metadata }) => Metadata?.[UPLOAD] === upload,
    (error: unknown) => {
      if (s3Status(error) === 404) return false
      throw error
    },
  )

/**
 * Puts an object in one request, unless there is one of that key.
 *
 * @returns whether it is there now
 */
export async function putIfAbsent(s3: S3, address: S3Address, bytes: Uint8Array): Promise<boolean> {
  const { sdk, client } = s3
  const { bucket, key } = address
  const id = randomUUID()
  const put = { Bucket: bucket, Key: key, Body: bytes, ContentType: TYPE, Metadata: { [UPLOAD]: id }, IfNoneMatch: '*' }
  try {
    await persistently(() => client.send(new sdk.PutObjectCommand(put)))
    return true
  } catch (error) {
    if (!isRefusedByCondition(error)) throw error
    return isFrom(s3, address, id)
  }
}

/** An object whose bytes are with the server, and which nobody sees yet. */
export type Upload = Readonly<{
  key: string
  /** Makes it an object, unless there is one of that key. Gives whether it is there now. */
  complete: () => Promise<boolean>
  abort: () => Promise<void>
}>

/** Brings an object to the server in pieces. If that fails, nothing is left there. */
export async function startUpload(s3: S3, address: S3Address, bytes: Uint8Array): Promise<Upload> {
  const { sdk, client } = s3
  const at = { Bucket: address.bucket, Key: address.key }
  const id = randomUUID()
  const { UploadId } = await persistently(() =>
    client.send(new sdk.CreateMultipartUploadCommand({ ...at, ContentType: TYPE, Metadata: { [UPLOAD]: id } })),
  )
  const upload = { ...at, UploadId }
  const abort = async (): Promise<void> => {
    await client.send(new sdk.AbortMultipartUploadCommand(upload)).catch(() => undefined)
  }
  try {
    const Parts: { PartNumber: number; ETag: string | undefined }[] = []
    for (let start = 0; start < Math.max(1, bytes.length); start += PIECE_BYTES) {
      const piece = { ...upload, PartNumber: Parts.length + 1, Body: bytes.subarray(start, start + PIECE_BYTES) }
      const { ETag } = await persistently(() => client.send(new sdk.UploadPartCommand(piece)))
      Parts.push({ PartNumber: piece.PartNumber, ETag })
    }
    const completion = { ...upload, MultipartUpload: { Parts }, IfNoneMatch: '*' }
    return {
      key: address.key,
      async complete() {
        try {
          await persistently(() => client.send(new sdk.CompleteMultipartUploadCommand(completion)))
          return true
        } catch (error) {
          // A repeated completion finds no upload any more.
          if (!isRefusedByCondition(error) && s3Status(error) !== 404) throw error
          if (await isFrom(s3, address, id)) return true
          if (!isRefusedByCondition(error)) throw error
          return false
        }
      },
      abort,
    }
  } catch (error) {
    await abort()
    throw error
  }
}
