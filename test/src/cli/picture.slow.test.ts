import { readFile } from 'node:fs/promises'
import { parseHTML } from 'linkedom'
import { describe, expect, it } from 'vitest'
import { table } from '../../../src/cli/print/table.js'
import { jsonl, root, rxargs } from './rxargs.js'

const folder = new URL('../../../data/picture/', import.meta.url)
type Picture = Readonly<{
  COLUMNS: number
  capture: (further: readonly string[]) => Promise<string[]>
  draw: (lines: readonly string[]) => string
}>
const { COLUMNS, capture, draw } = (await import(new URL('draw.mjs', folder).href)) as Picture

const linesOf = (svg: string) => [...parseHTML(svg).document.querySelectorAll('text')].map(({ textContent }) => textContent!)

describe('the picture of a run', () => {
  it('shows what npm start prints', async () => {
    const lines = linesOf(await readFile(new URL('npm-start.svg', folder), 'utf8'))
    expect(lines[0]).toBe('$ npm start')
    expect(lines[2]).toMatch(/^█+ 40 of 40 rows, \d+ tokens\/s, mean reward -?\d\.\d{3}$/)
    const head = lines.findIndex((line) => line.startsWith('prompt '))
    const shown = lines.slice(head, -1)
    // The order of rows depends on the machine: they finish in any order.
    const cells = shown.slice(2).map((line) => line.split(/…? {2}/)[0]!)
    const prompts = jsonl(await readFile(`${root}data/prompts/sample.jsonl`, 'utf8'))
    const records = cells.map((cell) => prompts.find(({ prompt }) => String(prompt).trim().startsWith(cell))!)
    const { stdout } = await rxargs(['generate', '-'], records.map((record) => JSON.stringify(record)).join('\n'))
    const rows = jsonl(stdout)
    const inOrder = records.map(({ id }) => rows.find((row) => row.id === id)!)
    expect(shown).toEqual(table(inOrder, COLUMNS))
  })

  it('shows the final state of the terminal', async () => {
    const lines = await capture(['--limit', '1'])
    expect(lines[1]).toMatch(/^█{24} 1 of 1 row, /)
    expect(lines[2]).toBe('1 row in 1 file in out')
    expect(lines.slice(3)).toEqual([
      expect.stringMatching(/^prompt /),
      expect.stringMatching(/^─/),
      expect.stringMatching(/\.\d{3}$/),
    ])
  })

  it('has text as text, aligned by columns', () => {
    const svg = draw(['$ a <b> & c', '', '日本  1.5'])
    expect(linesOf(svg)).toEqual(['$ a <b> & c', '日本  1.5'])
    const lengths = [...svg.matchAll(/textLength="([\d.]+)"/g)].map(([, length]) => Number(length))
    expect(lengths[0]! / lengths[1]!).toBeCloseTo(11 / 9, 2)
  })
})
