import { InputError, messageOf } from '../../core/errors.js'
import { globPattern } from './globPattern.js'
import { type InputFile, lastPart } from './inputFile.js'
import { pickData } from './localFiles.js'
import { type RangeAnswer, type ReadRange, Refused, rangedBuffer, resumedBytes } from './rangedFile.js'
import { openS3, type S3, s3Address, s3Status } from './s3Client.js'

/**
 * Lists the objects of an address: one object, those below a prefix that ends in `/`, or those that match a glob.
 *
 * @throws InputError if there is no object, or no bucket, or access is denied
 * @throws OptionError if the package of the client is not installed, or for another address than s3://BUCKET/KEY
 */
export async function s3Files(address: string): Promise<readonly InputFile[]> {
  const { bucket, key } = s3Address(address)
  const s3 = await openS3()
  const fileOf = (full: string, place = lastPart(full)) => s3File(s3, bucket, full, place)
  const glob = globPattern(key)
  if (glob !== undefined) {
    const base = glob.base === '' ? '' : `${glob.base}/`
    const names = (await keysBelow(s3, bucket, base)).map((full) => full.slice(base.length)).filter(glob.matches)
    if (names.length === 0) throw new InputError(`Expected objects that match ${address}, found none`)
    return names.sort().map((name) => fileOf(`${base}${name}`, name))
  }
  if (key !== '' && !key.endsWith('/')) return [fileOf(key)]
  const names = (await keysBelow(s3, bucket, key)).map((full) => full.slice(key.length)).filter((name) => name !== '')
  return pickData(address, names, (name) => fileOf(`${key}${name}`, name))
}

async function keysBelow({ sdk, client }: S3, bucket: string, prefix: string): Promise<string[]> {
  const keys: string[] = []
  try {
    for await (const { Contents = [] } of sdk.paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: prefix }))
      for (const { Key } of Contents) if (Key !== undefined) keys.push(Key)
  } catch (error) {
    throw new InputError(`Expected to list s3://${bucket}/${prefix}: ${messageOf(error)}`)
  }
  return keys
}

function s3File(s3: S3, bucket: string, key: string, place: string): InputFile {
  const name = `s3://${bucket}/${key}`
  const read = readerOf(s3, bucket, key)
  return { name, place, bytes: () => resumedBytes({ name, read }), buffer: () => rangedBuffer({ name, read }) }
}

const readerOf =
  ({ sdk, client }: S3, bucket: string, key: string): ReadRange =>
  async (start, end): Promise<RangeAnswer> => {
    const range = start === 0 && end === undefined ? {} : { Range: `bytes=${start}-${end === undefined ? '' : end - 1}` }
    const found = await client.send(new sdk.GetObjectCommand({ Bucket: bucket, Key: key, ...range })).catch((error: unknown) => {
      // The client has repeated what is worth it.
      throw s3Status(error) === undefined ? error : new Refused(messageOf(error))
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
