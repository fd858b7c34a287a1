import { setTimeout as delay } from 'node:timers/promises'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { loadModels } from '../../../../src/models/loadModels.js'
import { linkSettings } from '../../../../src/server/page/state/share.js'
import { browser, WITHOUT } from '../../../browser.js'
import { fakeLm, fakeModels } from '../../../fakes.js'
import { type Served, serve } from '../served.js'
import { launch, openPage, saying, tokensOf } from './openPage.js'

describe.skipIf(browser === undefined)(`the playground (${browser === undefined ? WITHOUT : 'in Chromium'})`, () => {
  let chromium: Browser
  /** The embedded models, and models that answer slowly and never end a reply. */
  let embedded: Served
  let endless: Served
  const slow = fakeLm({ delay: () => delay(15) })

  beforeAll(async () => {
    const models = await loadModels({ lm: 'data/models/chat-lm', reward: 'data/models/chat-rm' })
    embedded = await serve(models, { name: 'chat-lm' })
    endless = await serve(fakeModels(slow))
    chromium = await launch()
  })

  afterAll(async () => {
    await chromium?.close()
    await Promise.all([embedded?.close(), endless?.close()])
  })

  const run = async (page: Page): Promise<void> => {
    await page.getByRole('button', { name: 'Run' }).click()
  }

  it('shows a recorded example at once, with its candidates and its plot', async () => {
    const { page, said } = await openPage(chromium, embedded.url)
    await page.getByText('A recorded example').waitFor()
    expect((await tokensOf(page, 'greedy')).length).toBeGreaterThan(10)
    expect((await tokensOf(page, 'guided')).length).toBeGreaterThan(10)
    expect(await page.locator('.reply .overruled').count()).toBeGreaterThan(0)
    expect(await page.locator('.candidates tbody tr').count()).toBe(10)
    expect(await page.locator('.plot path.line').count()).toBe(2)
    expect(said).toEqual([])
  })

  it('streams both replies, which are those of the API', async () => {
    const { page, said } = await openPage(chromium, embedded.url)
    await page.getByLabel('Message 1', { exact: true }).fill('How do I learn to cook?')
    await page.getByLabel('Max tokens').fill('12')
    await run(page)
    await saying(page, 'greedy', '12 tokens')
    await saying(page, 'guided', '12 tokens')
    for (const [side, weight] of [
      ['greedy', 0],
      ['guided', 1.5],
    ] as const) {
      const { choices } = await embedded.answer('/v1/chat/completions', {
        messages: [{ role: 'user', content: 'How do I learn to cook?' }],
        ...{ max_tokens: 12, seed: 1, temperature: 0, rxargs: { decoder: 'args', k: 10, weight } },
      })
      expect((await tokensOf(page, side)).join('')).toBe(choices[0]!.message.content.trimStart())
    }
    expect(said).toEqual([])
  })

  it('continues from a candidate, and goes back', async () => {
    const { page } = await openPage(chromium, embedded.url)
    await page.getByText('A recorded example').waitFor()
    const before = await tokensOf(page, 'guided')
    await page.locator('.reply.guided [role=option]').nth(3).click()
    const candidate = page.locator('.candidates .candidate').nth(4)
    const taken = (await candidate.textContent())!.replaceAll('␣', ' ')
    await candidate.click()
    await saying(page, 'guided', 'tokens ·')
    const after = await tokensOf(page, 'guided')
    expect(after.slice(0, 4)).toEqual([...before.slice(0, 3), taken])
    expect(after).not.toEqual(before)
    expect(await page.locator('.reply.guided .picked').textContent()).toBe(taken)
    expect(await page.locator('.candidates .chosen .tags').textContent()).toBe('your choice')
    await page.getByRole('button', { name: 'Undo' }).click()
    expect(await tokensOf(page, 'guided')).toEqual(before)
  })

  it('stops, and frees the server', async () => {
    const { page } = await openPage(chromium, endless.url)
    await page.getByLabel('Max tokens').fill('2000')
    await run(page)
    await page.locator('.reply.guided [role=option]').nth(3).waitFor()
    await page.keyboard.press('Escape')
    await saying(page, 'guided', 'stopped')
    await saying(page, 'greedy', 'stopped')
    const stopped = await tokensOf(page, 'guided')
    expect(stopped.length).toBeLessThan(2000)
    const callsMeanwhile = async (): Promise<number> => {
      const before = slow.batches.length
      await delay(200)
      return slow.batches.length - before
    }
    await expect.poll(callsMeanwhile, { timeout: 20_000 }).toBe(0)
    await run(page)
    await page.locator('.reply.guided [role=option]').nth(3).waitFor()
    await page.getByRole('button', { name: 'Stop' }).click()
    await saying(page, 'guided', 'stopped')
  })

  it('works by keys alone: run, walk along the tokens, continue from a candidate', async () => {
    const { page } = await openPage(chromium, embedded.url)
    await page.getByLabel('Message 1', { exact: true }).fill('Hello')
    await page.getByLabel('Max tokens').fill('6')
    await page.keyboard.press('Control+Enter')
    for (const side of ['guided', 'greedy'] as const) await saying(page, side, 'token')
    await page.locator('.reply.greedy [role=option]').first().focus()
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('ArrowRight')
    await page.getByText('Candidates at token 3').waitFor()
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    const candidate = (await page.locator('.candidate:focus').textContent())!.replaceAll('␣', ' ')
    await page.keyboard.press('Enter')
    await page.locator('.reply.greedy .picked').waitFor()
    expect(await page.locator('.reply.greedy .picked').textContent()).toBe(candidate)
  })

  it('puts its settings into a link, never a key, and runs what a link says', async () => {
    const keyed = await serve(fakeModels(), { keys: ['secret-key'] })
    onTestFinished(() => keyed.close())
    const { page } = await openPage(chromium, keyed.url)
    const useKey = async (of: Page, key: string): Promise<void> => {
      await of.getByLabel('This server asks for an API key').fill(key)
      await of.getByRole('button', { name: 'Use key' }).click()
    }
    await useKey(page, 'wrong-key')
    await page.getByRole('alert').getByText('Expected an API key of this server').waitFor()
    await useKey(page, 'secret-key')
    await page.getByLabel('Add a reward').waitFor()
    expect(await page.getByRole('alert').count()).toBe(0)
    await page.getByLabel('Add a reward').selectOption('function:length')
    await page.getByLabel('Message 1', { exact: true }).fill('Grüße & 你好 #1')
    await page.getByLabel('Max tokens').fill('7')
    await run(page)
    await saying(page, 'guided', '7 tokens')
    await page.getByRole('button', { name: 'Copy link' }).click()
    await page.waitForURL(/#mode=chat/)
    const { hash, href } = new URL(page.url())
    expect(href).not.toContain('secret')
    expect(linkSettings(hash).messages).toEqual([{ role: 'user', content: 'Grüße & 你好 #1' }])
    expect(linkSettings(hash).rewards.map(({ function: of }) => of)).toEqual([undefined, 'length'])
    const made = await tokensOf(page, 'guided')
    const { page: other } = await openPage(chromium, `${keyed.url}/${hash}`)
    await useKey(other, 'secret-key')
    await saying(other, 'guided', '7 tokens')
    expect(await tokensOf(other, 'guided')).toEqual(made)
  })

  it('copies a reply, and says so where the browser refuses', async () => {
    const { page, said } = await openPage(chromium, embedded.url, { permissions: ['clipboard-read', 'clipboard-write'] })
    const copy = page.locator('.reply.guided').getByRole('button', { name: 'Copy' })
    await copy.click()
    await copy.getByText('Copied').waitFor()
    const copied = await page.evaluate('navigator.clipboard.readText()')
    expect(`${copied}<|end|>`.trimStart()).toBe((await tokensOf(page, 'guided')).join(''))
    await page.evaluate("navigator.clipboard.writeText = () => Promise.reject(new Error('not allowed')); undefined")
    await copy.click()
    await copy.getByText('The browser refused').waitFor()
    expect(said).toEqual([])
  })

  it('says what is wrong with a link, and what the server refuses', async () => {
    const { page } = await openPage(chromium, `${endless.url}/#k=many`)
    await page.getByRole('alert').getByText('Expected `k` of this link to be an integer >= 1, got `many`').waitFor()
    await page.getByLabel('Add a reward').selectOption('function:regex')
    await page.getByLabel('pattern').fill('(')
    await run(page)
    await page.locator('.reply.guided .error', { hasText: 'regex' }).waitFor()
  })

  it('says that the server has gone', async () => {
    const gone = await serve(fakeModels(fakeLm({ delay: () => delay(15) })))
    const { page } = await openPage(chromium, gone.url)
    await page.getByLabel('Add a reward').waitFor()
    await gone.close()
    await run(page)
    await page.locator('.reply.guided .error', { hasText: 'The server does not answer' }).waitFor()
  })

  it('inserts text as text', async () => {
    const { page, said } = await openPage(chromium, endless.url)
    await page.getByLabel('Message 1', { exact: true }).fill('<img src=x onerror=alert(1)>')
    await page.getByLabel('Max tokens').fill('3')
    await run(page)
    await saying(page, 'guided', '3 tokens')
    expect(await page.locator('main img').count()).toBe(0)
    expect(said).toEqual([])
  })

  it('does not run what cannot run, and says what it expects until that is there', async () => {
    const { page } = await openPage(chromium, embedded.url)
    await page.getByText('A recorded example').waitFor()
    const before = await tokensOf(page, 'guided')
    const alert = page.locator('.problem')
    await page.getByLabel('Max tokens').fill('0')
    await run(page)
    expect(await alert.textContent()).toBe('Expected `Max tokens` to be an integer >= 1, got 0')
    await page.getByLabel('Max tokens').fill('3')
    expect(await alert.count()).toBe(0)
    await page.getByLabel('Message 1', { exact: true }).fill('')
    await page.keyboard.press('Control+Enter')
    expect(await alert.textContent()).toBe('Expected message 1 to have text, got an empty one')
    expect(await tokensOf(page, 'guided')).toEqual(before)
  })

  it('offers what the server can run, and says of best-of-n no more than is true', async () => {
    const { page } = await openPage(chromium, embedded.url)
    const decoders = page.locator('.settings > .choice select')
    await decoders.locator('option', { hasText: 'genarm' }).waitFor({ state: 'attached' })
    expect(await decoders.locator('option:disabled').allTextContents()).toEqual(['genarm', 'dexperts', 'contrastive-decoding'])
    expect(await decoders.locator('option', { hasText: 'dexperts' }).getAttribute('title')).toContain('`expert`')
    await decoders.selectOption('beam')
    expect(await page.getByLabel('Temperature').count()).toBe(0)
    const beams = page.getByLabel('Beams')
    expect(await beams.inputValue()).toBe('4')
    const help = page.locator(`[id="${await beams.getAttribute('aria-describedby')}"]`)
    expect(await help.textContent()).toBe('sequences to keep (default: 4)')
    await beams.fill('0')
    expect(await help.textContent()).toBe('Expected an integer from 1 to 65536')
    await run(page)
    expect(await page.locator('.problem').textContent()).toBe('Expected `Beams` to be an integer from 1 to 65536, got 0')
    await beams.fill('2')
    const [asked] = await Promise.all([
      page.waitForRequest((request) => request.postData()?.includes('"beam"') ?? false),
      run(page),
    ])
    expect(asked.postDataJSON()).toMatchObject({ rxargs: { decoder: 'beam', options: { beams: 2 } } })
    await saying(page, 'guided', 'tokens ·')
    await decoders.selectOption('best-of-n')
    await page.getByText('0 leaves it at 0.7').waitFor()
    await page.getByLabel('Max tokens').fill('6')
    await run(page)
    await saying(page, 'guided', 'tokens ·')
    expect(await page.locator('.reply.guided .foot').textContent()).not.toContain('overruled')
    expect(await page.locator('.reply.guided .overruled').count()).toBe(0)
    await page.locator('.reply.guided [role=option]').first().focus()
    expect(await page.locator('.candidates thead').textContent()).toBe('TokenLogitScoreTaken by')
  })
})
