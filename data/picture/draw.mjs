/**
 * Draws what `npm start` shows in a terminal, from a real run: `npm run picture` writes npm-start.svg beside this file. Apart from the
 * speed and the order in which rows are finished, which are the machine's, each run draws the same.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { pathToFileURL } from 'node:url'
import stringWidth from 'string-width'

const root = new URL('../../', import.meta.url)
/** Of the terminal. */
export const COLUMNS = 96
const FONT = { size: 14, width: 8.4, line: 21 }
const EDGE = 20

/** The command that `npm start` runs once the build is done, without its program. */
const startArgs = () => {
  const { scripts } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'))
  return scripts.start.split('dist/src/cli/main.js ')[1].split(' ')
}

/** Lines as a terminal has them at the end: what was drawn over is gone. */
const linesOf = (written) =>
  written
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => line.split('\r\u001b[K').at(-1))

/**
 * Runs what `npm start` runs, with `further` arguments, and gives the lines that a terminal would show. Rows go into a temporary
 * folder. The working directory is the checkout's, as in npm's scripts.
 */
export async function capture(further = []) {
  const { run } = await import(new URL('dist/src/cli/runCommand.js', root).href)
  const folder = mkdtempSync(join(tmpdir(), 'rxargs-picture-'))
  let written = ''
  const screen = () => {
    const stream = Object.assign(new PassThrough(), { isTTY: true, columns: COLUMNS })
    stream.on('data', (chunk) => {
      written += chunk
    })
    return stream
  }
  const out = join(folder, 'out')
  try {
    const args = [...startArgs().map((arg) => (arg === 'out' ? out : arg)), ...further]
    const terminal = { stdin: process.stdin, stdout: screen(), stderr: screen(), signal: new AbortController().signal }
    const code = await run(args, terminal)
    await new Promise(setImmediate)
    if (code !== 0) throw new Error(`Expected the run to end with 0, got ${code}: ${written}`)
    return linesOf(written).map((line) => line.replaceAll(out, 'out'))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const escaped = (text) => text.replace(/[&<>]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[sign])

/** What a line is, which decides its colour. */
const kindOf = (line) => {
  if (line.startsWith('$ ')) return 'command'
  if (/^[█░]/.test(line)) return 'progress'
  if (/^(prompt |─)/.test(line)) return 'head'
  return 'plain'
}

const style = `
.paper{fill:#fff;stroke:#d0d7de}.plain{fill:#1f2328}.command{fill:#1a7f37;font-weight:600}.progress{fill:#0a5bc4}.head{fill:#57606a}
@media (prefers-color-scheme:dark){
.paper{fill:#0d1117;stroke:#3d444d}.plain{fill:#e6edf3}.command{fill:#56d364;font-weight:600}.progress{fill:#79b8ff}.head{fill:#9aa4b0}
}
text{font:${FONT.size}px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;white-space:pre}`

/** Lines of a terminal as SVG that follows the reader's theme, with a background of its own so that it is legible on any page. */
export function draw(lines) {
  const width = Math.ceil(COLUMNS * FONT.width + 2 * EDGE)
  const height = lines.length * FONT.line + 2 * EDGE
  const texts = lines.map((line, index) => {
    const y = EDGE + index * FONT.line + FONT.size
    // Columns stay below each other whatever the reader's font.
    const length = (stringWidth(line) * FONT.width).toFixed(1)
    const place = `x="${EDGE}" y="${y}" textLength="${length}" lengthAdjust="spacingAndGlyphs" xml:space="preserve"`
    return line === '' ? '' : `<text class="${kindOf(line)}" ${place}>${escaped(line)}</text>`
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    '<title>npm start in a terminal: prompts, replies and their rewards</title>',
    `<style>${style}\n</style>`,
    `<rect class="paper" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>`,
    ...texts,
    '</svg>',
    '',
  ].join('\n')
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href)
  writeFileSync(new URL('npm-start.svg', import.meta.url), draw(['$ npm start', ...(await capture())]))
