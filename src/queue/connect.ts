import { isIP } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { messageOf, OptionError, optionalPackage } from '../core/errors.js'

/** The queue's server cannot be used. The message names it and what was expected. */
export class QueueError extends Error {
  override readonly name = 'QueueError'
}

/** Layout of what rxargs keeps on the server. Another version with another layout must not read it. */
const LAYOUT = '1'
const LAYOUT_KEY = 'rxargs:layout'

const CONNECT_MS = 5_000
/** How often a command is sent again over new connections before it fails, in a process that need not wait for the server. */
const RETRIES = 10
const longestPause = 1_000

export type Connection = Readonly<{
  redis: Redis
  bullmq: typeof import('bullmq')
  /** The address without its password. */
  address: string
  close: () => void
}>

export type ConnectOptions = Readonly<{
  /** Waits as long as the server is away, once it was there. */
  isPatient?: boolean
  onNotice?: (notice: string) => void
}>

/** @throws OptionError for another address than redis://HOST or rediss://HOST */
export function queueAddress(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const fits =
    url !== undefined &&
    ['redis:', 'rediss:'].includes(url.protocol) &&
    url.hostname !== '' &&
    /^\/?\d*$/.test(url.pathname) &&
    url.search === '' &&
    url.hash === ''
  if (!fits)
    throw new OptionError(
      `Expected \`--queue\` to be redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], or rediss:// for TLS, got \`${redacted(text)}\``,
    )
  return url
}

/** The address without its password. */
const redacted = (text: string): string => text.replace(/(:\/\/[^/@:]*:)[^/@]*@/, '$1***@')

/**
 * Connects to the Redis or Valkey server of a queue.
 *
 * @throws OptionError for a wrong address, and if the packages `bullmq` and `ioredis` are not installed
 * @throws QueueError if no server answers, it refuses, or its queue has the layout of another version
 */
export async function connect(text: string, { isPatient = false, onNotice }: ConnectOptions = {}): Promise<Connection> {
  const url = queueAddress(text)
  // Loaded late, because they are optional.
  const [bullmq, { Redis: Client }] = await optionalPackage(
    () => Promise.all([import('bullmq'), import('ioredis')]),
    '--queue',
    'bullmq ioredis',
  )
  const address = redacted(text)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  let wasReady = false
  let failure: unknown
  const redis = new Client({
    host,
    port: Number(url.port || 6379),
    db: Number(url.pathname.slice(1) || 0),
    ...(url.username !== '' && { username: decodeURIComponent(url.username) }),
    ...(url.password !== '' && { password: decodeURIComponent(url.password) }),
    ...(url.protocol === 'rediss:' && { tls: isIP(host) ? {} : { servername: host } }),
    connectTimeout: CONNECT_MS,
    lazyConnect: true,
    maxRetriesPerRequest: isPatient ? null : RETRIES,
    retryStrategy: (times) => (wasReady ? Math.min(times * 100, longestPause) : null),
  })
  redis.on('error', (error) => {
    failure = error
  })
  try {
    const silence = sleep(2 * CONNECT_MS, undefined, { ref: false }).then(() => {
      throw Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })
    })
    await Promise.race([redis.connect().then(() => redis.ping()), silence])
    // A wrong password or database shows in the answer to another command only.
    if (failure !== undefined) throw failure
    const layout = (await redis.set(LAYOUT_KEY, LAYOUT, 'NX', 'GET')) ?? LAYOUT
    if (layout !== LAYOUT)
      throw new QueueError(
        `The queue at ${address} was made by another version of rxargs: its layout is ${layout}, and this version has ${LAYOUT}. Use the same version everywhere, or another database of the server (${address.replace(/(:\/\/[^/]*).*/, '$1')}/1)`,
      )
  } catch (error) {
    redis.disconnect()
    if (error instanceof QueueError) throw error
    throw new QueueError(`Expected a Redis or Valkey server at ${address}: ${reasonOf(failure ?? error)}`)
  }
  wasReady = true
  watch(redis, address, onNotice)
  return { redis, bullmq, address, close: () => redis.disconnect() }
}

function watch(redis: Redis, address: string, onNotice?: (notice: string) => void): void {
  let isAway = false
  redis.on('close', () => {
    if (isAway || redis.status === 'end') return
    isAway = true
    onNotice?.(`Lost the connection to ${address}; trying again`)
  })
  redis.on('ready', () => {
    if (isAway) onNotice?.(`Connected to ${address} again`)
    isAway = false
  })
}

function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | null)?.code
  const message = messageOf(error)
  if (code === 'ECONNREFUSED') return 'no server answers there'
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'the host is not known'
  if (code === 'ETIMEDOUT') return 'no answer came within some seconds'
  if (/^Protocol error/.test(message)) return 'another kind of server answers there'
  if (/^WRONGPASS|invalid password/i.test(message)) return 'the password or the user is wrong'
  if (/^NOAUTH/.test(message)) return 'it wants a password: redis://:PASSWORD@HOST'
  if (/DB index is out of range/i.test(message)) return 'it has no database of that number'
  return message
}
