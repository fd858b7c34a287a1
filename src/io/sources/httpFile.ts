import { InputError } from '../../core/errors.js'
import { type InputFile, inputName, lastPart } from './inputFile.js'
import { type RangeAnswer, type ReadRange, Refused, rangedBuffer, resumedBytes } from './rangedFile.js'

/** Answers that may be better the next time. */
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504])

/** A file behind http(s). It is read as a stream; a broken connection goes on by a range request. */
export function httpFile(address: string): InputFile {
  if (!URL.canParse(address)) throw new InputError(`Expected a web address, got ${address}`)
  const name = inputName(address)
  const read = readerOf(address)
  return {
    name,
    place: lastPart(name) || new URL(address).host,
    bytes: () => resumedBytes({ name, read }),
    buffer: () => rangedBuffer({ name, read }),
  }
}

function readerOf(address: string): ReadRange {
  const url = new URL(address)
  const { username, password } = url
  // fetch refuses an address with a password in it.
  url.username = ''
  url.password = ''
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return async (start, end) => {
    const headers = new Headers({ 'accept-encoding': 'identity' })
    if (username !== '') headers.set('authorization', `Basic ${Buffer.from(login).toString('base64')}`)
    if (start > 0 || end !== undefined) headers.set('range', `bytes=${start}-${end === undefined ? '' : end - 1}`)
    const response = await fetch(url, { headers })
    if (!response.ok) {
      await response.body?.cancel()
      const answer = `the server answered ${response.status} ${response.statusText}`.trimEnd()
      throw PASSING.has(response.status) ? new Error(answer) : new Refused(answer)
    }
    return rangeOf(response)
  }
}

function rangeOf({ status, headers, body }: Response): RangeAnswer {
  const [, first, whole] = headers.get('content-range')?.match(/^bytes (\d+)-\d+\/(\d+|\*)$/) ?? []
  const version = headers.get('etag') ?? headers.get('last-modified')
  const isPart = status === 206 && first !== undefined
  // fetch decompresses such a body itself, so that the sizes in the headers are not those of the bytes.
  const isEncoded = headers.has('content-encoding')
  const total = isPart ? whole : headers.get('content-length')
  const size = isEncoded || total === undefined || total === null || total === '*' ? undefined : Number(total)
  return {
    bytes: (body ?? []) as AsyncIterable<Uint8Array>,
    start: isPart ? Number(first) : 0,
    ...(size !== undefined && { size }),
    ...(version !== null && { version }),
  }
}
