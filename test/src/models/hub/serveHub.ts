import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export const COMMIT = 'c0ffee'.padEnd(40, '0')

/** What goes wrong at the hub, by the part of it that does. */
export type Faults = {
  /** Status and `X-Error-Code` of every answer of the API. */
  status?: number
  code?: string
  /** Bytes after which each connection for weights is cut, and how often. */
  cutAfter?: number
  cuts?: number
  /** Weights are sent whole, whatever was asked for. */
  ignoresRange?: boolean
  /** Weights are other ones than those listed. */
  sendsOther?: boolean
  /** Sets the `Link` header of the listing's first page. */
  link?: string
  /** The answer to the question for the revision. */
  info?: unknown
  /** A listing that says something else of the files. */
  listed?: (files: Record<string, unknown>[]) => Record<string, unknown>[]
}

/** A hub of one model, and the second server that it redirects to for weights. */
export type ServedHub = Readonly<{
  endpoint: string
  faults: Faults
  /** What was asked for, `Range` behind it. */
  asked: string[]
  /** The `Authorization` that each server was given. */
  tokens: { hub: Set<string | undefined>; store: Set<string | undefined> }
  close(): Promise<void>
}>

const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex')
const gitHash = (content: Buffer): string => createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex')

const started = async (answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<[Server, string]> => {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return [server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`]
}

const closed = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })

/** Serves `files` as the model `name`: those over 1,000 bytes through a redirect, with their SHA-256. */
export async function serveHub(name: string, files: Readonly<Record<string, Buffer>>): Promise<ServedHub> {
  const faults: Faults = {}
  const asked: string[] = []
  const tokens = { hub: new Set<string | undefined>(), store: new Set<string | undefined>() }
  const isLarge = (content: Buffer): boolean => content.length > 1000

  const listing = (): Record<string, unknown>[] => {
    const entries = Object.entries(files).map(([path, content]) => ({
      type: 'file',
      path,
      size: content.length,
      oid: gitHash(content),
      ...(isLarge(content) && { lfs: { oid: sha256(content), size: content.length, pointerSize: 130 } }),
    }))
    const all = [{ type: 'directory', path: 'onnx', size: 0, oid: '0'.repeat(40) }, ...entries]
    return faults.listed?.(all) ?? all
  }

  const [store, storeAddress] = await started((request, response) => {
    tokens.store.add(request.headers.authorization)
    const content = files[decodeURIComponent(request.url!.slice(1))]!
    const sent = faults.sendsOther ? Buffer.alloc(content.length, 7) : content
    const from = faults.ignoresRange ? 0 : Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
    asked.push(`${request.url} ${request.headers.range ?? ''}`.trim())
    if (from > 0) response.writeHead(206, { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` })
    else response.writeHead(200, { 'content-length': content.length })
    if (!faults.cuts) return void response.end(sent.subarray(from))
    faults.cuts--
    response.write(sent.subarray(from, from + faults.cutAfter!), () => setTimeout(() => response.destroy(), 20))
  })

  const [hub, endpoint] = await started((request, response) => {
    tokens.hub.add(request.headers.authorization)
    const { pathname, searchParams } = new URL(request.url!, 'http://hub')
    const json = (value: unknown, headers = {}): void =>
      void response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))
    if (faults.status) {
      response.writeHead(faults.status, faults.code ? { 'x-error-code': faults.code } : {}).end()
    } else if (pathname === `/api/models/${name}/revision/main` || pathname === `/api/models/${name}/revision/v2`) {
      json(
        faults.info ?? {
          _id: '1',
          id: name,
          sha: COMMIT,
          private: false,
          gated: false,
          lastModified: '2026-01-01',
          downloads: 1,
          likes: 1,
        },
      )
    } else if (pathname === `/api/models/${name}/tree/${COMMIT}`) {
      // Two pages.
      const all = listing()
      if (searchParams.has('cursor')) json(all.slice(2))
      else json(all.slice(0, 2), { link: faults.link ?? `<${endpoint}${request.url}&cursor=2>; rel="next"` })
    } else if (pathname.startsWith(`/${name}/resolve/${COMMIT}/`)) {
      const path = pathname.slice(`/${name}/resolve/${COMMIT}/`.length)
      const content = files[decodeURIComponent(path)]!
      if (isLarge(content)) return void response.writeHead(302, { location: `${storeAddress}/${path}` }).end()
      asked.push(`/${path}`)
      response.end(content)
    } else response.writeHead(404, { 'x-error-code': 'RepoNotFound' }).end()
  })

  return {
    endpoint,
    faults,
    asked,
    tokens,
    close: async () => void (await Promise.all([closed(hub), closed(store)])),
  }
}
