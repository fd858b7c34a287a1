import { type AsyncBuffer, asyncBufferFromFile } from 'hyparquet'
import { isS3 } from './s3Client.js'
import { s3Buffer } from './s3Object.js'

/** Opens a local file, or an object of S3, for reads by position. */
export const openBuffer = (path: string): Promise<AsyncBuffer> => (isS3(path) ? s3Buffer(path) : asyncBufferFromFile(path))
