import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { onTestFinished } from 'vitest'
import { browser, FLAGS } from '../../../browser.js'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export type OpenPage = Readonly<{
  page: Page
  /** What the browser said on its console, and errors of scripts: nothing, while all is well. */
  said: string[]
}>

export const launch = (): Promise<Browser> => chromium.launch({ executablePath: browser!, args: [...FLAGS] })

/** Opens an address in a browser of its own memory, until the test has finished. Nothing but the server is reached. */
export async function openPage(one: Browser, url: string, options: BrowserContextOptions = {}): Promise<OpenPage> {
  const context = await one.newContext({ viewport: { width: 1280, height: 900 }, ...options })
  onTestFinished(() => context.close())
  const page = await context.newPage()
  page.setDefaultTimeout(40_000)
  const said: string[] = []
  page.on('console', (message) => said.push(message.text()))
  page.on('pageerror', (error) => said.push(error.message))
  page.on('request', (request) => {
    if (!request.url().startsWith(new URL(url).origin)) said.push(`asked for ${request.url()}`)
  })
  await page.goto(url)
  return { page, said }
}

/** Names of the rules of axe-core that the page breaks, with the elements. */
export async function violations(page: Page): Promise<string[]> {
  // The page's policy forbids scripts of others, so axe-core comes in through the debugger.
  await page.evaluate(`${axe}; undefined`)
  return page.evaluate(async () => {
    const { axe: runner } = globalThis as unknown as { axe: typeof import('axe-core') }
    const { violations: found } = await runner.run()
    return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`)
  })
}

/** The tokens of a reply, as a reader sees them. */
export const tokensOf = (page: Page, side: 'greedy' | 'guided'): Promise<string[]> =>
  page.locator(`.reply.${side} [role=option]`).allTextContents()

/** Waits until a reply says this under its text. */
export const saying = (page: Page, side: 'greedy' | 'guided', text: string): Promise<void> =>
  page.locator(`.reply.${side} .foot [role=status]`, { hasText: text }).first().waitFor()
