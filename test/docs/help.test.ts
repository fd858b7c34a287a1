import { readFileSync, writeFileSync } from 'node:fs'
import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import { program } from '../../src/cli/program.js'
import { root } from './pages.js'

const path = `${root}src/cli/README.md`
const silent = new PassThrough()
const commands = program({
  stdin: silent,
  stdout: silent,
  stderr: silent,
  signal: new AbortController().signal,
} as never).commands

/** A verb's help as a terminal of 80 columns shows it. */
function helpOf(name: string): string {
  const command = commands.find((one) => one.name() === name)!
  command.configureHelp({ helpWidth: 80 })
  return command.helpInformation().trimEnd()
}

const withHelp = (text: string): string =>
  text.replace(
    /<!-- help (\w+) -->\n[\s\S]*?<!-- \/help -->/g,
    (_, name: string) => `<!-- help ${name} -->\n\`\`\`\n${helpOf(name)}\n\`\`\`\n<!-- /help -->`,
  )

it('shows the help of every verb as the program prints it (UPDATE_DOCS=1 writes it)', () => {
  const text = readFileSync(path, 'utf8')
  if (process.env.UPDATE_DOCS) writeFileSync(path, withHelp(text))
  expect(readFileSync(path, 'utf8')).toBe(withHelp(text))
  const shown = [...text.matchAll(/<!-- help (\w+) -->/g)].map(([, name]) => name!)
  expect(shown.sort()).toEqual(commands.map((command) => command.name()).sort())
})
