/** Takes the picture of the playground as a first visit shows it, in Chromium from the PATH: `npm run picture:playground`. */
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { serveEmbedded } from './serveEmbedded.mjs'

const WIDTH = 1120
const HEIGHT = 940

const executablePath = (process.env.PATH ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'chromium'))
  .find((path) => existsSync(path))

await serveEmbedded(async (url) => {
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-lcd-text'] })
  try {
    const page = await browser.newPage({ viewport: { width: WIDTH, height: HEIGHT }, colorScheme: 'light' })
    await page.goto(url)
    await page.getByText('A recorded example').waitFor()
    await page.getByLabel('Add a reward').waitFor()
    await page.screenshot({ path: fileURLToPath(new URL('playground.png', import.meta.url)) })
  } finally {
    await browser.close()
  }
})
