import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { countRows } from '../../../../src/io/countRows.js'
import { fromFile } from '../../../../src/io/fromFile.js'
import { checkInput } from '../../../../src/io/prompts/openInput.js'
import { query } from '../duckdb.js'
import { gathered } from '../fakeRun.js'

const LINES = Array.from({ length: 5_000 }, (_, index) => `{"prompt":"Tell me about ${index}"}\n`).join('')

type Answer = (request: IncomingMessage, response: ServerResponse, number: number) => void
const closings: (() => void)[] = []
afterEach(() => {
  for (const close of closings.splice(0)) close()
})

/** A server on this machine. It answers by `answer`, which is told how many requests came before. */
async function server(answer: Answer): Promise<Readonly<{ url: string; ranges: (string | undefined)[] }>> {
  const ranges: (string | undefined)[] = []
  const http = createServer((request, response) => {
    ranges.push(request.headers.range)
    answer(request, response, ranges.length - 1)
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  closings.push(() => {
    http.closeAllConnections()
    http.close()
  })
  return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/data/in.jsonl?key=secret`, ranges }
}

/** Sends a body as files are served: whole, or the range that was asked for. `breaksAfter` ends the connection there. */
function send({ headers }: IncomingMessage, response: ServerResponse, body: Buffer, { etag = '"1"', breaksAfter = 0 } = {}) {
  const [, first, last] = headers.range?.match(/^bytes=(\d+)-(\d*)$/) ?? []
  const start = Number(first ?? 0)
  const end = last ? Number(last) + 1 : body.length
  const part = body.subarray(start, end)
  const range = first === undefined ? {} : { 'content-range': `bytes ${start}-${start + part.length - 1}/${body.length}` }
  response.writeHead(first === undefined ? 200 : 206, { 'content-length': part.length, etag, ...range })
  if (breaksAfter > 0 && part.length > breaksAfter) response.write(part.subarray(0, breaksAfter), () => response.destroy())
  else response.end(part)
}

const read = (url: string) => gathered(fromFile(url))

describe('an input behind http', () => {
  it('is read as a file, whatever its kind', async () => {
    const { url, ranges } = await server((request, response) => send(request, response, gzipSync(LINES)))
    const prompts = await read(url)
    expect(prompts.length).toBe(5_000)
    expect(prompts.at(-1)).toMatchObject({ id: 'in.jsonl:5000', content: { text: 'Tell me about 4999' } })
    expect(ranges).toEqual([undefined])
    expect(await countRows(url)).toBeUndefined()
  })

  it('goes on where a connection broke', async () => {
    const body = Buffer.from(LINES)
    const { url, ranges } = await server((request, response) => send(request, response, body, { breaksAfter: 60_000 }))
    expect((await read(url)).map(({ content }) => content?.text)).toEqual(
      Array.from({ length: 5_000 }, (_, index) => `Tell me about ${index}`),
    )
    expect(ranges[0]).toBeUndefined()
    expect(ranges[1]).toMatch(/^bytes=[1-9]\d*-$/)
  })

  it('goes on from a server without ranges, which sends all again', async () => {
    const { url } = await server((_, response, number) => {
      response.writeHead(200, { 'content-length': LINES.length })
      if (number === 0) response.write(LINES.slice(0, 70_000), () => response.destroy())
      else response.end(LINES)
    })
    const ids = (await read(url)).map(({ id }) => id)
    expect(new Set(ids).size).toBe(5_000)
    expect(ids.length).toBe(5_000)
  })

  it('is asked for again while the server is busy', async () => {
    const { url } = await server((request, response, number) => {
      if (number < 2) response.writeHead(503).end()
      else send(request, response, Buffer.from(LINES))
    })
    expect((await read(url)).length).toBe(5_000)
  })

  it('is refused if it changes while it is read', async () => {
    const { url } = await server((request, response, number) =>
      send(request, response, Buffer.from(LINES), { etag: `"${number}"`, breaksAfter: 60_000 }),
    )
    await expect(read(url)).rejects.toThrow('it has changed while it was read')
  })

  it('is refused by the server: the message has the address, and not its query', async () => {
    const { url } = await server((_, response) => response.writeHead(404).end())
    const message = `Expected to read ${url.replace(/\?.*/, '')}: the server answered 404 Not Found`
    await expect(read(url)).rejects.toThrow(message)
    await expect(checkInput(url)).rejects.toThrow(message)
  })

  it('takes a name and a password from the address', async () => {
    const { url } = await server((request, response) => {
      if (request.headers.authorization !== `Basic ${btoa('me:p@ss')}`) response.writeHead(401).end()
      else send(request, response, Buffer.from(LINES))
    })
    expect((await read(url.replace('http://', 'http://me:p%40ss@'))).length).toBe(5_000)
  })

  it('is Parquet, read by position', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rxargs-http-'))
    const path = join(folder, 'x.parquet')
    await query(`copy (select range as id, 'p' || range as prompt from range(3000)) to '${path}' (format parquet)`)
    const body = await readFile(path)
    await rm(folder, { recursive: true })
    const ranged = await server((request, response) => send(request, response, body))
    expect((await read(ranged.url)).at(-1)).toMatchObject({ id: '2999', content: { text: 'p2999' } })
    const whole = await server((_, response) => response.end(body))
    await expect(read(whole.url)).rejects.toThrow('the server answers no range requests')
  })
})
