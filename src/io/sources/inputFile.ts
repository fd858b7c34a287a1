import { basename } from 'node:path'
import type { AsyncBuffer } from 'hyparquet'

/** One file of an input, wherever it lies. */
export type InputFile = Readonly<{
  /** Path or address, as messages name it. */
  name: string
  /** Beginning of the ids of rows that have no id: the file's name, or its path below the folder that was named. */
  place: string
  /** Reads the file from its start. */
  bytes: () => AsyncIterable<Uint8Array>
  /** Reads by position, as Parquet needs; absent for a stream that can be read only once. */
  buffer?: () => Promise<AsyncBuffer>
  /** Size in bytes of a local file. */
  size?: number
}>

/** Whether an input is an address on a network. */
export const isRemote = (input: string): boolean => /^(https?|s3):\/\//i.test(input)

/** Name of an input in messages. The query of an address stays out, as it may hold a signature, and so does a password. */
export function inputName(input: string): string {
  if (input === '-') return 'stdin'
  if (!/^https?:\/\//i.test(input) || !URL.canParse(input)) return input
  const { origin, pathname } = new URL(input)
  return `${origin}${pathname}`
}

/** The last part of a path or an address. */
export const lastPart = (name: string): string => (isRemote(name) ? decodeName(name.split('/').at(-1) ?? name) : basename(name))

function decodeName(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const READABLE = /\.(jsonl|ndjson|json|csv|tsv|parquet)(\.(gz|gzip|zst|zstd))?$/i
/** Files that stand beside data sets and are no data. */
const BESIDE = /(^|\/)([._]|(README|LICENSE|CHANGELOG)\b[^/]*$)/i

/**
 * Picks the files of data out of a folder's files, in the order of their names.
 *
 * @returns the paths to read, or as `strange` the first file that is neither data nor a companion such as README.md
 */
export function dataFiles(paths: readonly string[]): Readonly<{ files: readonly string[]; strange?: string }> {
  const shown = paths.filter((path) => !BESIDE.test(path)).sort()
  const strange = shown.find((path) => !READABLE.test(path))
  return { files: shown.filter((path) => READABLE.test(path)), ...(strange !== undefined && { strange }) }
}
