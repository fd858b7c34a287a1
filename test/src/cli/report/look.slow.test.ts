import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseHTML } from 'linkedom'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { toParquet } from '../../../../src/io/toParquet.js'
import { browser, WITHOUT } from '../../../browser.js'
import { type Screen, using } from '../../../usedPage.js'
import { errorRow, fakeRun, row } from '../../io/fakeRun.js'
import { lm, reward, root, rxargs } from '../rxargs.js'

const LIMIT = 40
const screens: readonly Screen[] = [1280, 375].flatMap((width) => [
  { width, theme: 'light' } as const,
  { width, theme: 'dark' } as const,
])
let folder: string
/** Two runs of a model with two rewards and a sweep, and two synthetic ones with a constant reward, a limit and many notices. */
let pages: Readonly<{ decoded: string; made: string }>

/** Replies of 1 to 40 tokens. Every fourth one ends at the limit. */
const replies = (ids: readonly string[], fields: object) =>
  ids.map((id, index) => {
    const isCut = index % 4 === 0
    const tokenIds = Array.from({ length: isCut ? LIMIT : 1 + index }, (_, at) => at)
    return row(id, { tokenIds, finishReason: isCut ? 'length' : 'stop', ...fields })
  })

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-look-'))
  const at = (name: string): string => join(folder, name)
  const prompts = [...'abcdef'].map((id) => `{"id":"${id}","prompt":"Say ${id}"}\n`).join('')
  const settings = ['--lm', lm, '--reward', `safe=${reward}`, '--reward', 'short=length(target=3)', '--trace']
  for (const decoder of ['greedy', 'args'])
    await rxargs(['generate', '-', ...settings, '--max-new-tokens', '30', '--decoder', decoder, '-o', at(decoder)], prompts)
  const swept = ['--lm', lm, '--reward', reward, '--max-new-tokens', '4', '--limit', '4', '--weight', '0,2', '--k', '2,4']
  await rxargs(['sweep', `${root}data/prompts/sample.jsonl`, ...swept, '-o', at('sweep')])
  await rxargs(['report', at('greedy'), at('args'), '--sweep', at('sweep'), '-o', at('decoded.html')])
  const ids = Array.from({ length: 20 }, (_, index) => `prompt-${index}`)
  const short = { otherRewards: { short: { reward: -1, rewards: [0] } } }
  const name = 'a-run-whose-name-says-everything-about-its-decoder-and-its-seed'
  await toParquet(at('one'), fakeRun([...replies(ids, { reward: 1 }), errorRow('bad')]))
  await toParquet(at(name), fakeRun([...replies(ids.slice(2), { reward: 1, ...short }), errorRow('worse')]))
  await rxargs(['report', at('one'), at(name), '-o', at('made.html')])
  pages = { decoded: at('decoded.html'), made: at('made.html') }
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const documentOf = async (path: string) => parseHTML(await readFile(path, 'utf8')).document
const svgOf = async (path: string, title: string) => {
  const svgs = [...(await documentOf(path)).querySelectorAll('svg')]
  return svgs.find((svg) => svg.querySelector('.title')?.textContent === title)!
}
const textsOf = (svg: { querySelectorAll: (selector: string) => Iterable<{ textContent: string | null }> }): string[] =>
  [...svg.querySelectorAll('text')].map(({ textContent }) => textContent ?? '')

describe('the report as it is seen', () => {
  it.for(['decoded', 'made'] as const)('is legible on a desktop and a phone, light and dark: %s', async (page, context) => {
    context.skip(browser === undefined, WITHOUT)
    const faults = await readFile(new URL('pageFaults.js', import.meta.url), 'utf8')
    await using(pages[page], screens[0]!, async ({ value, turnTo }) => {
      expect(await value<number>(`document.querySelectorAll('svg text').length`)).toBeGreaterThan(20)
      for (const screen of screens) {
        await turnTo(screen)
        expect([screen, await value(faults)]).toEqual([screen, []])
        const paper = await value(`getComputedStyle(document.body).backgroundColor`)
        expect(paper).toBe(screen.theme === 'dark' ? 'rgb(22, 24, 27)' : 'rgb(255, 255, 255)')
      }
    })
  })

  it('finds illegible text', async (context) => {
    context.skip(browser === undefined, WITHOUT)
    const faults = await readFile(new URL('pageFaults.js', import.meta.url), 'utf8')
    await using(pages.made, { width: 375 }, async ({ value }) => {
      await value(`document.querySelector('h1').style.cssText = 'white-space: nowrap; color: #999; width: 120vw'`)
      await value(`document.querySelector('svg .subtitle').setAttribute('y', '16')`)
      expect(await value<string[]>(faults)).toEqual([
        expect.stringMatching(/^runs off the page: h1/),
        expect.stringMatching(/^lies on /),
        expect.stringMatching(/^has a contrast of 2\.8\d: h1/),
      ])
    })
  })

  it('has at most three notes above the first plot, and all of them below', async () => {
    const document = await documentOf(pages.made)
    const items = (section: string) => [...document.querySelectorAll(`#${section} li`)].map(({ textContent }) => textContent!)
    expect(items('notes').length).toBeGreaterThan(3)
    expect(items('metrics')).toEqual(items('notes').slice(0, 2))
    expect(document.querySelector('#metrics')!.textContent).toContain(`${items('notes').length - 2} more under Notes`)
    expect((await documentOf(pages.decoded)).querySelectorAll('#metrics li, #notes').length).toBe(0)
  })

  it('shows replies at the token limit in their own colour in the last bin', async () => {
    const svg = await svgOf(pages.made, 'Distribution of length')
    expect(textsOf(svg)).toEqual(
      expect.arrayContaining(['% of replies; orange: cut off at the token limit', `25% cut off at the limit of ${LIMIT} tokens`]),
    )
    const bars = [...svg.querySelectorAll('g[aria-label="rect"] rect')].map((bar) => ({
      isCut: bar.getAttribute('fill') === 'var(--series-2)' || bar.parentElement!.getAttribute('fill') === 'var(--series-2)',
      right: Number(bar.getAttribute('x')) + Number(bar.getAttribute('width')),
    }))
    const cut = bars.filter(({ isCut }) => isCut)
    expect(cut.length).toBeGreaterThanOrEqual(2)
    // No bin goes beyond the limit.
    for (const { right } of cut) expect(right).toBeCloseTo(Math.max(...bars.map((bar) => bar.right)), 0)
  })

  it('draws a constant reward as one bar over its value', async () => {
    const svg = await svgOf(pages.made, 'Distribution of reward')
    const texts = textsOf(svg)
    expect(texts).toEqual(
      expect.arrayContaining(['% of replies; every reply has the same value', 'all 20 replies: 1', 'all 18 replies: 1']),
    )
    expect(texts.filter((text) => text === '1')).toHaveLength(1)
    const bars = [...svg.querySelectorAll('g[aria-label="rect"] rect')]
    expect(bars).toHaveLength(2)
    const widths = bars.map((bar) => Number(bar.getAttribute('width')))
    for (const width of widths) expect(width).toBeLessThan(50)
  })

  it.each(['Distribution of reward', 'Difference in reward', 'Mean reward by weight'])(
    '%s has labels and an interval',
    async (title) => {
      const svg = await svgOf(pages.decoded, title)
      expect(textsOf(svg).filter((text) => /reward|weight/.test(text)).length).toBeGreaterThan(1)
      const intervals = svg.querySelectorAll('[fill-opacity="0.16"] rect, g[aria-label="rule"][stroke="var(--series-1)"] line')
      expect(intervals.length).toBeGreaterThan(0)
    },
  )

  it('shows two replies side by side, and stacked on a phone', async (context) => {
    context.skip(browser === undefined, WITHOUT)
    await using(pages.decoded, { width: 1280 }, async ({ value, turnTo }) => {
      const sides = `[...document.querySelectorAll('.side')]`
      const boxes = () => value<[Box, Box]>(`${sides}.map((side) => side.getBoundingClientRect().toJSON())`)
      const [left, right] = await boxes()
      expect([right.top, right.left > left.right]).toEqual([left.top, true])
      await turnTo({ width: 375 })
      const [above, below] = await boxes()
      expect(below.top).toBeGreaterThan(above.bottom)
      const runs = `${sides}.map((side) => side.querySelector('select').selectedOptions[0].textContent)`
      expect(await value(runs)).toEqual(['greedy', 'args'])
      const { rows } = await value<{ rows: { replies: { steps: { id: number }[] }[] }[] }>(
        `JSON.parse(document.getElementById('inspector-data').textContent)`,
      )
      const [first, second] = rows[0]!.replies.map(({ steps }) => steps.map(({ id }) => id))
      const at = first!.findIndex((id, index) => id !== second![index])
      expect(at).toBeGreaterThanOrEqual(0)
      const difference = await value('document.getElementById("inspector-difference").textContent')
      expect(difference).toBe(`The replies differ from token ${at} on.`)
    })
  })
})

type Box = Readonly<{ top: number; bottom: number; left: number; right: number }>
