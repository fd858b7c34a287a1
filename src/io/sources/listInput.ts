import { httpFile } from './httpFile.js'
import type { InputFile } from './inputFile.js'
import { localFiles } from './localFiles.js'
import { s3Files } from './s3Files.js'

/**
 * Lists the files of an input: standard input (`-`), a file, a folder, a glob, an address of http(s), or `s3://BUCKET/KEY`, where a key that
 * ends in `/` is a folder.
 *
 * @param stdin the bytes behind `-`
 * @throws InputError if there is nothing, or a folder holds a file of unknown kind
 */
export async function listInput(input: string, stdin: AsyncIterable<Uint8Array> = process.stdin): Promise<readonly InputFile[]> {
  if (input === '-') return [{ name: 'stdin', place: 'stdin', bytes: () => stdin }]
  if (/^https?:\/\//i.test(input)) return [httpFile(input)]
  return /^s3:\/\//i.test(input) ? s3Files(input) : localFiles(input)
}
