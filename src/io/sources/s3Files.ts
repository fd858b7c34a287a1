import { InputError } from '../../core/errors.js'
import { partsAmong } from '../parquet/partNames.js'
import { globPattern } from './globPattern.js'
import { dataFiles, type InputFile, lastPart } from './inputFile.js'
import { pickData } from './localFiles.js'
import { openS3, type S3, s3Address } from './s3Client.js'
import { s3Reason } from './s3Errors.js'
import { isObject, s3Buffer, s3Bytes } from './s3Object.js'

/**
 * Lists the objects of an address: one object, those below a prefix, or those that match a glob. A prefix that a run has written to is its
 * part files.
 *
 * @throws InputError if there is no object, or no bucket, or access is denied
 * @throws OptionError if the package of the client is not installed, or for another address than s3://BUCKET/KEY
 */
export async function s3Files(address: string): Promise<readonly InputFile[]> {
  const { bucket, key } = s3Address(address)
  const s3 = await openS3()
  const fileOf = (full: string, place = lastPart(full)) => s3File(s3, `s3://${bucket}/${full}`, place)
  const glob = globPattern(key)
  if (glob !== undefined) {
    const base = glob.base === '' ? '' : `${glob.base}/`
    const names = (await keysBelow(s3, bucket, base)).map((full) => full.slice(base.length)).filter(glob.matches)
    if (names.length === 0) throw new InputError(`Expected objects that match ${address}, found none`)
    return names.sort().map((name) => fileOf(`${base}${name}`, name))
  }
  // A name such as rows.jsonl needs no look whether it is a folder.
  const isFile = dataFiles([lastPart(`s3://${bucket}/${key}`)]).files.length === 1
  const isFolder = key === '' || key.endsWith('/') || (!isFile && !(await isObject(s3, { bucket, key })))
  const prefix = key === '' || key.endsWith('/') ? key : `${key}/`
  const keys = isFolder ? await keysBelow(s3, bucket, prefix) : []
  // The error of a missing object is the reader's.
  if (!isFolder || (keys.length === 0 && prefix !== key)) return [fileOf(key)]
  const names = keys.map((full) => full.slice(prefix.length)).filter((name) => name !== '')
  const parts = partsAmong(names)
  if (parts.length > 0) return parts.map((name) => fileOf(`${prefix}${name}`))
  return pickData(address, names, (name) => fileOf(`${prefix}${name}`, name))
}

async function keysBelow(s3: S3, bucket: string, prefix: string): Promise<string[]> {
  const { sdk, client } = s3
  const keys: string[] = []
  try {
    for await (const { Contents = [] } of sdk.paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: prefix }))
      for (const { Key } of Contents) if (Key !== undefined) keys.push(Key)
  } catch (error) {
    throw new InputError(`Expected to list s3://${bucket}/${prefix}: ${s3Reason(error, s3, bucket)}`)
  }
  return keys
}

const s3File = (s3: S3, name: string, place: string): InputFile => ({
  ...{ name, place },
  bytes: () => s3Bytes(s3, name),
  buffer: () => s3Buffer(s3, name),
})
