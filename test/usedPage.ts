import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { pathToFileURL } from 'node:url'
import { browser, FLAGS } from './browser.js'

type Answer = Readonly<{ id?: number; method?: string; result?: Record<string, unknown>; error?: { message: string } }>

/** The reader's screen: its width in CSS pixels, and the theme that the reader prefers. */
export type Screen = Readonly<{ width: number; theme?: 'light' | 'dark' }>

/** A page as somebody uses it: input goes through the browser's own events. */
export type UsedPage = Readonly<{
  /** What a JavaScript expression gives in the page, as JSON would have it. */
  value: <T>(expression: string) => Promise<T>
  click: (selector: string) => Promise<void>
  press: (key: string) => Promise<void>
  /** Shows the page on another screen. */
  turnTo: (screen: Screen) => Promise<void>
}>

/** Opens a page from the disk in Chromium, driven over its debugging pipe, for as long as `use` takes. */
export async function using(path: string, screen: Screen, use: (page: UsedPage) => Promise<void>): Promise<void> {
  const profile = await mkdtemp(join(tmpdir(), 'rxargs-browser-'))
  try {
    await driven(profile, path, screen, use)
  } finally {
    await rm(profile, { recursive: true, force: true, maxRetries: 5 })
  }
}

const PATIENCE_MS = 50_000

async function driven(profile: string, path: string, screen: Screen, use: (page: UsedPage) => Promise<void>): Promise<void> {
  const flags = [...FLAGS, `--user-data-dir=${profile}`]
  const child = spawn(browser!, [...flags, '--remote-debugging-pipe'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] })
  const closed = once(child, 'close')
  const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)
  /** What comes, or an error where the browser ends first: killed when it took too long. */
  const orEnd = <T>(awaited: Promise<T>): Promise<T> =>
    Promise.race([
      awaited,
      closed.then((): never => {
        throw new Error('The browser ended')
      }),
    ])
  const [to, from] = [child.stdio[3] as Writable, child.stdio[4] as Readable]
  const waiting = new Map<number, (answer: Answer) => void>()
  let loaded = (): void => undefined
  let rest = ''
  // A browser that ends closes the pipe; what waits for an answer is told by `orEnd`.
  to.on('error', () => undefined)
  from.setEncoding('utf8').on('data', (chunk: string) => {
    const messages = (rest + chunk).split('\0')
    rest = messages.pop()!
    for (const answer of messages.map((text) => JSON.parse(text) as Answer)) {
      if (answer.id !== undefined) waiting.get(answer.id)?.(answer)
      else if (answer.method === 'Page.loadEventFired') loaded()
    }
  })
  let count = 0
  let sessionId: string | undefined
  const send = async (method: string, params: object = {}): Promise<Record<string, unknown>> => {
    const id = ++count
    const answered = new Promise<Answer>((resolve) => waiting.set(id, resolve))
    to.write(`${JSON.stringify({ id, method, params, ...(sessionId && { sessionId }) })}\0`)
    const { result, error } = await orEnd(answered)
    if (error) throw new Error(`${method}: ${error.message}`)
    return result!
  }
  const value = async <T>(expression: string): Promise<T> => {
    const { result, exceptionDetails } = await send('Runtime.evaluate', { expression, returnByValue: true })
    if (exceptionDetails) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`)
    return (result as { value: T }).value
  }
  const click = async (selector: string): Promise<void> => {
    const found = `document.querySelector(${JSON.stringify(selector)})`
    await value(`${found}.scrollIntoView({ block: 'center' })`)
    const [x, y] = await value<[number, number]>(
      `(({ x, y, width, height }) => [x + width / 2, y + height / 2])(${found}.getClientRects()[0])`,
    )
    for (const type of ['mousePressed', 'mouseReleased'])
      await send('Input.dispatchMouseEvent', { type, x, y, button: 'left', clickCount: 1 })
  }
  const press = async (key: string): Promise<void> => {
    for (const type of ['keyDown', 'keyUp']) await send('Input.dispatchKeyEvent', { type, key })
  }
  const turnTo = async ({ width, theme = 'light' }: Screen): Promise<void> => {
    await send('Emulation.setDeviceMetricsOverride', { width, height: 800, deviceScaleFactor: 1, mobile: false })
    await send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: theme }] })
  }
  try {
    const { targetId } = await send('Target.createTarget', { url: 'about:blank' })
    sessionId = (await send('Target.attachToTarget', { targetId, flatten: true })).sessionId as string
    await send('Page.enable')
    await turnTo(screen)
    const ready = new Promise<void>((resolve) => {
      loaded = resolve
    })
    await send('Page.navigate', { url: pathToFileURL(path).href })
    await orEnd(ready)
    await use({ value, click, press, turnTo })
  } finally {
    clearTimeout(late)
    child.kill()
    await closed
  }
}
