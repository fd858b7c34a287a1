import { createHash, timingSafeEqual } from 'node:crypto'
import type { Env, Hono, MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { cors } from 'hono/cors'
import { ApiError } from '../ApiError.js'

export type GuardOptions = Readonly<{
  maxBodyBytes: number
  /** Keys that requests may bear; without any, none is asked for. */
  keys: readonly string[]
  /** Origins whose pages may read answers. */
  origins: readonly string[]
  /** Names under which the server may be asked; undefined for any. */
  hosts: readonly string[] | undefined
}>

/** Pages load nothing from elsewhere, run no inline script, and are shown in no frame. */
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** What anybody may read: pages, the description of the API, and whether the server is there. */
const isPublic = (path: string): boolean => !/^\/(v1|classify|metrics)(\/|$)/.test(path)

/** Puts the checks in front of all routes. */
export function guard<E extends Env>(server: Hono<E>, { maxBodyBytes, keys, origins, hosts }: GuardOptions): void {
  server.use(securityHeaders)
  if (hosts) server.use(onlyHosts(hosts))
  if (origins.length > 0)
    server.use(
      cors({
        origin: [...origins],
        allowMethods: ['GET', 'POST'],
        allowHeaders: ['authorization', 'content-type'],
        exposeHeaders: ['retry-after', 'x-request-id'],
      }),
    )
  if (keys.length > 0) server.use(onlyKeys(keys))
  server.use(
    bodyLimit({
      maxSize: maxBodyBytes,
      onError: () => {
        throw new ApiError(413, `Expected a body of at most ${maxBodyBytes} bytes`, {
          code: 'body_too_large',
          // The rest of the body is not read.
          headers: { connection: 'close' },
        })
      },
    }),
  )
}

const securityHeaders: MiddlewareHandler = async (context, next) => {
  await next()
  context.header('x-content-type-options', 'nosniff')
  context.header('referrer-policy', 'no-referrer')
  context.header('content-security-policy', CONTENT_SECURITY_POLICY)
}

/** A page of another site can point a name of its own at this machine. Its requests bear that name. */
function onlyHosts(hosts: readonly string[]): MiddlewareHandler {
  return ({ req }, next) => {
    const { hostname } = new URL(req.url)
    if (hosts.includes(hostname)) return next()
    throw new ApiError(403, `Expected a request to ${hosts.join(', ')}, got one to ${hostname.slice(0, 100)}`, {
      code: 'forbidden_host',
    })
  }
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

function onlyKeys(keys: readonly string[]): MiddlewareHandler {
  const known = keys.map(digest)
  return ({ req }, next) => {
    if (isPublic(req.path)) return next()
    const given = digest(req.header('authorization')?.match(/^Bearer (.+)$/i)?.[1] ?? '')
    // All are compared, so that the time tells nothing.
    const matches = known.filter((key) => timingSafeEqual(key, given))
    if (matches.length > 0) return next()
    throw new ApiError(401, 'Expected an API key of this server as a bearer token', {
      code: 'invalid_api_key',
      headers: { 'www-authenticate': 'Bearer' },
    })
  }
}
