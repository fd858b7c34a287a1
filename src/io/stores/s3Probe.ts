import { randomUUID } from 'node:crypto'
import { OutputError } from '../../core/errors.js'
import { type S3, s3Status } from '../sources/s3Client.js'
import { isRefusedByCondition, s3Reason } from '../sources/s3Errors.js'

/** Servers that know no conditions ignore them, or say that they do not know them. */
const UNKNOWN = new Set([400, 501])

/**
 * Checks that objects can be written and removed below a prefix, and that the server keeps the conditions of a write. The lock and the names of
 * the parts rest on them. Leaves nothing behind.
 *
 * @throws OutputError if there is no bucket, access is denied, nobody answers, or the server ignores conditions
 */
export async function probeS3(s3: S3, name: string, bucket: string, prefix: string): Promise<void> {
  const { sdk, client, endpoint } = s3
  const at = { Bucket: bucket, Key: `${prefix}.probe-${randomUUID()}` }
  const fail = (error: unknown): never => {
    throw new OutputError(`Expected to write into ${name}: ${s3Reason(error, s3, bucket)}`)
  }
  const ignores = (condition: string): never => {
    throw new OutputError(
      `Expected ${endpoint} to keep the condition ${condition} of a write, which it does not, so two runs could overwrite each other's parts. Use another server, or a local folder`,
    )
  }
  /** @throws OutputError unless the request is refused because of its condition */
  const refused = async (condition: string, request: Promise<unknown>): Promise<void> => {
    const error = await request.then(
      () => ignores(condition),
      (reason: unknown) => reason,
    )
    if (UNKNOWN.has(s3Status(error) ?? 0)) ignores(condition)
    if (!isRefusedByCondition(error)) fail(error)
  }
  const put = (condition: object) => client.send(new sdk.PutObjectCommand({ ...at, Body: 'probe', ...condition }))
  await put({ IfNoneMatch: '*' }).catch(async (error: unknown) => {
    if (s3Status(error) !== 501) fail(error)
    // What is not implemented may be the condition, or all of S3.
    await put({}).catch(fail)
    await client.send(new sdk.DeleteObjectCommand(at)).catch(fail)
    ignores('If-None-Match')
  })
  try {
    await refused('If-None-Match', put({ IfNoneMatch: '*' }))
    await refused('If-Match', put({ IfMatch: `"${'0'.repeat(32)}"` }))
    await probeUpload(s3, at, refused, fail)
  } finally {
    await client.send(new sdk.DeleteObjectCommand(at)).catch(fail)
  }
}

/** Uploads in pieces to the key of an object: their end must be refused. */
async function probeUpload(
  { sdk, client }: S3,
  at: Readonly<{ Bucket: string; Key: string }>,
  refused: (condition: string, request: Promise<unknown>) => Promise<void>,
  fail: (error: unknown) => never,
): Promise<void> {
  const { UploadId } = await client.send(new sdk.CreateMultipartUploadCommand(at)).catch(fail)
  const upload = { ...at, UploadId }
  try {
    const { ETag } = await client.send(new sdk.UploadPartCommand({ ...upload, PartNumber: 1, Body: 'probe' })).catch(fail)
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] }
    const completion = new sdk.CompleteMultipartUploadCommand({ ...upload, MultipartUpload, IfNoneMatch: '*' })
    await refused('If-None-Match (at the end of an upload in pieces)', client.send(completion))
  } finally {
    // A completed upload cannot be aborted.
    await client.send(new sdk.AbortMultipartUploadCommand(upload)).catch(() => undefined)
  }
}
