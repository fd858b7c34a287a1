import { isS3 } from '../sources/s3Client.js'
import { folderStore } from './folderStore.js'
import type { PartStore } from './PartStore.js'
import { s3Store } from './s3Store.js'

/**
 * The place of parts at a path: a folder, or with s3://BUCKET/PREFIX the objects below that prefix. Opens nothing yet.
 *
 * @throws OptionError for an address of S3 without a bucket
 */
export const openStore = (path: string): PartStore => (isS3(path) ? s3Store(path) : folderStore(path))
