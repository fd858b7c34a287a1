import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadModels } from '../../../../src/models/loadModels.js'
import { browser, WITHOUT } from '../../../browser.js'
import { type Served, serve } from '../served.js'
import { launch, openPage, saying, violations } from './openPage.js'

describe.skipIf(browser === undefined)(`the layout of the page (${browser === undefined ? WITHOUT : 'in Chromium'})`, () => {
  let chromium: Browser
  let embedded: Served

  beforeAll(async () => {
    const models = await loadModels({ lm: 'data/models/chat-lm', reward: 'data/models/chat-rm' })
    embedded = await serve(models, { name: 'chat-lm' })
    chromium = await launch()
  })

  afterAll(async () => {
    await chromium?.close()
    await embedded?.close()
  })

  it.each(['light', 'dark'] as const)('breaks no rule of axe-core in the %s theme, at any width', async (colorScheme) => {
    for (const width of [1280, 390]) {
      const { page } = await openPage(chromium, embedded.url, { colorScheme, viewport: { width, height: 844 } })
      await page.getByText('A recorded example').waitFor()
      await page.getByLabel('Add a reward').selectOption('function:words')
      expect(await violations(page)).toEqual([])
      // The decoder with the most options, one of them wrong.
      await page.locator('.settings > .choice select').selectOption('cards')
      await page.getByLabel('Proposals').fill('0')
      expect(await violations(page)).toEqual([])
    }
  })

  it('fits a phone with several rewards, and cuts nothing off', async () => {
    const { page } = await openPage(chromium, embedded.url, { viewport: { width: 390, height: 844 } })
    for (const one of ['length', 'words']) await page.getByLabel('Add a reward').selectOption(`function:${one}`)
    await page.getByLabel('Weight').nth(3).fill('-0.125')
    await page.getByLabel('Max tokens').fill('6')
    await page.getByRole('button', { name: 'Run' }).click()
    await saying(page, 'guided', '6 tokens')
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390)
    expect(await page.locator('.candidates .scroll').evaluate((one) => one.scrollWidth - one.clientWidth)).toBe(0)
  })

  it('fits a phone', async () => {
    const { page } = await openPage(chromium, embedded.url, {
      viewport: { width: 360, height: 740 },
      hasTouch: true,
      isMobile: true,
    })
    await page.getByText('A recorded example').waitFor()
    await page.locator('.reply.guided [role=option]').nth(2).tap()
    await page.getByText('Candidates at token 3').waitFor()
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360)
  })
})
