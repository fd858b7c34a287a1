import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

/** Chromium, if it is on the PATH. */
export const browser = (process.env.PATH ?? '')
  .split(delimiter)
  .flatMap((folder) => ['chromium', 'chromium-browser', 'google-chrome'].map((name) => join(folder, name)))
  .find((path) => existsSync(path))

export const WITHOUT = 'no chromium on the PATH (Debian: apt-get install chromium)'

/** A headless browser without network. */
export const FLAGS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
]

/** A page from disk after its scripts ran, and the browser's console output. */
export async function opened(path: string): Promise<Readonly<{ html: string; said: string }>> {
  const profile = await mkdtemp(join(tmpdir(), 'rxargs-browser-'))
  const flags = [...FLAGS, '--enable-logging=stderr', `--user-data-dir=${profile}`]
  try {
    const { stdout, stderr } = await promisify(execFile)(browser!, [...flags, '--dump-dom', pathToFileURL(path).href], {
      maxBuffer: 64e6,
      timeout: 50_000,
    })
    const said = stderr.split('\n').filter((line) => line.includes(':CONSOLE'))
    return { html: stdout, said: said.join('\n') }
  } finally {
    await rm(profile, { recursive: true, force: true, maxRetries: 5 })
  }
}
