import { readFileSync, writeFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { operators } from '../../operators/index.js'
import { root } from './pages.js'

const path = `${root}operators/README.md`
const code = (text: string): string => `\`${text.replaceAll('|', '\\|')}\``

const rows = Object.entries(operators).map(([name, { about, options, needs, adds, changes, drops }]) => {
  const taken = Object.entries(options.shape).map(([key, field]) => {
    const { description } = field as { description?: string }
    return description === undefined ? code(key) : `${code(key)}: ${description.replaceAll('|', '\\|')}`
  })
  const made = [
    ...Object.entries(adds).map(([field, shape]) => `+ ${code(field)} ${shape}`),
    ...changes.map((field) => `~ ${code(field)}`),
    ...drops.map((field) => `− ${code(field)}`),
  ]
  return `| ${code(name)} | ${about} | ${taken.join('; ') || 'none'} | ${needs.map(code).join(', ')} | ${made.join(', ')} |`
})
const table = [
  '| operator | what it does | options | needs | adds (+), changes (~), drops (−) |',
  '|---|---|---|---|---|',
  ...rows,
].join('\n')

it('shows the operators of the registry (UPDATE_DOCS=1 writes them)', () => {
  const current = (text: string) =>
    text.replace(/<!-- operators -->\n[\s\S]*?<!-- \/operators -->/, `<!-- operators -->\n${table}\n<!-- /operators -->`)
  const text = readFileSync(path, 'utf8')
  if (process.env.UPDATE_DOCS) writeFileSync(path, current(text))
  expect(readFileSync(path, 'utf8')).toBe(current(text))
})
