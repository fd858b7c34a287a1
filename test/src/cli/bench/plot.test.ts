import { readFile } from 'node:fs/promises'
import { parseHTML } from 'linkedom'
import { describe, expect, it } from 'vitest'
import { ratioPlot } from '../../../../src/cli/bench/plot.js'
import { root } from '../rxargs.js'

describe('ratioPlot', () => {
  it('has a bar with its ratio and a tick at the goal for each setting that has a goal, as in the committed plot', async () => {
    const { settings } = JSON.parse(await readFile(`${root}data/bench/results.json`, 'utf8')) as {
      settings: Parameters<typeof ratioPlot>[0]
    }
    const rows = settings.filter(({ goal, baseline }) => goal && baseline)
    const svg = ratioPlot(settings)
    const { document } = parseHTML(svg)
    const texts = [...document.querySelectorAll('text')].map(({ textContent }) => textContent)
    expect(texts).toEqual(
      expect.arrayContaining(["Speed, relative to the paper's loop in PyTorch", 'tokens/s of rxargs ÷ tokens/s of the loop']),
    )
    for (const { name, baseline } of rows) expect(texts).toEqual(expect.arrayContaining([name, `${baseline!.ratio.toFixed(1)}×`]))
    expect(document.querySelectorAll('g[aria-label="bar"] rect')).toHaveLength(rows.length)
    expect(`${svg}\n`).toBe(await readFile(`${root}data/bench/results.svg`, 'utf8'))
  })
})
