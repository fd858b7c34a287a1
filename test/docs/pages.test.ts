import { existsSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { describe, expect, it } from 'vitest'
import { anchorsOf, blocksOf, type Page, pages, proseOf, root, tableRows } from './pages.js'

const byPath = new Map(pages.map((page) => [page.path, page]))
const read = (path: string): string => readFileSync(root + path, 'utf8')
const page = (path: string): Page => byPath.get(path)!
const section = (path: string, title: string): string =>
  page(path)
    .text.split(/^## /m)
    .find((text) => text.startsWith(`${title}\n`))!

/** Files and folders that a page names in code, such as `src/core/math.ts`, without placeholders (`NAME.ts`, `*`, `…`). */
const namedIn = (prose: string): string[] =>
  [...prose.matchAll(/`((?:\.ci|\.github|data|operators|pipelines|src|test)\/[\w./-]*)`/g)]
    .map(([, path]) => path!)
    .filter((path) => !/[A-Z]{4}|NAME/.test(path.replace(/README|NOTES|LICENSE/g, '')))

const linksIn = (prose: string): string[] =>
  [...prose.matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)].map(([, target]) => target!)

const isResolved = (from: Page, link: string): boolean => {
  const [file, anchor] = link.split('#') as [string, string?]
  const path = file === '' ? from.path : posix.join(posix.dirname(from.path), file)
  if (!existsSync(root + path)) return false
  if (anchor === undefined) return true
  const target = byPath.get(path)
  return target !== undefined && anchorsOf(target).has(anchor)
}

describe.each(pages.map((page) => [page.path, page] as const))('%s', (path, page) => {
  it('names files that exist', () =>
    expect([...new Set(namedIn(proseOf(page)))].filter((name) => !existsSync(root + name))).toEqual([]))

  it('has links that lead somewhere', () => expect(linksIn(proseOf(page)).filter((link) => !isResolved(page, link))).toEqual([]))

  it('shows files of the repository as they are', () => {
    for (const { text } of blocksOf(page)) {
      const name = text.match(/^(?:\/\/|#) (data\/\S+\.\w+)\n/)?.[1]
      if (name === undefined) continue
      const lines = text.trimEnd().split('\n').slice(1).join('\n')
      expect(read(name), `${path} shows ${name}`).toContain(lines)
    }
  })
})

describe('README.md', () => {
  it('is at most 10 KB', () => expect(Buffer.byteLength(page('README.md').text)).toBeLessThanOrEqual(10_240))

  it('shows the paper in the words of pipelines/decoders/args.ts', () => {
    const args = blocksOf(page('README.md')).find(({ text }) => text.startsWith('export const args '))!
    expect(read('pipelines/decoders/args.ts')).toContain(args.text.trim())
  })

  it('has rows of the measured table, under its commit', () => {
    const measured = new Map(
      tableRows(read('data/bench/results.md')).map(([setting, decoder, ...rest]) => [`${setting} ${decoder}`, rest]),
    )
    const speed = section('README.md', 'Speed')
    const rows = tableRows(speed).slice(1)
    expect(rows.length).toBeGreaterThan(2)
    for (const [pair, tokens, atOnce, speed, ratio] of rows) {
      const name = pair!.startsWith('5.3 M') ? 'small' : pair!.startsWith('134 M') ? 'large' : pair!
      expect(measured.get(`${name}, ${tokens}, ${atOnce} at once args`)?.slice(0, 2), pair).toEqual([speed, ratio])
    }
    expect(page('data/bench/NOTES.md').text).toContain(speed.match(/commit ([0-9a-f]{7})/)![1])
  })

  it('has the results of the reproduction', () => {
    const there = new Set(tableRows(page('data/reproduction/README.md').text).map((row) => row.join('|')))
    const rows = tableRows(section('README.md', 'Results'))
    expect(rows.length).toBeGreaterThan(3)
    expect(rows.map((row) => row.join('|')).filter((row) => !there.has(row))).toEqual([])
  })
})

describe('data/bench/NOTES.md', () => {
  it('shows the table as it was measured', () =>
    expect(page('data/bench/NOTES.md').text).toContain(read('data/bench/results.md').trim()))
})

describe('src/README.md', () => {
  const dependencies = section('src/README.md', 'Dependencies')
  const { dependencies: own, peerDependencies, devDependencies } = JSON.parse(read('package.json')) as Record<string, object>
  const all = Object.keys({ ...own, ...peerDependencies, ...devDependencies })

  it('says why for every dependency', () => {
    const rows = new Map(
      tableRows(dependencies).flatMap(([names, why]) => [...names!.matchAll(/`([^`]+)`/g)].map(([, name]) => [name!, why!])),
    )
    expect(Object.keys({ ...own, ...peerDependencies }).filter((name) => !rows.get(name))).toEqual([])
    expect([...rows.keys()].filter((name) => !all.includes(name))).toEqual([])
  })

  it('names every package that development needs', () =>
    expect(Object.keys(devDependencies!).filter((name) => !dependencies.includes(`\`${name}\``))).toEqual([]))
})

describe('anchorsOf', () => {
  it('makes anchors as GitHub does', () =>
    expect([...anchorsOf({ path: '', text: '# A `b` c\n## A cluster: [behind](x) HTTP\n## Twice\n## Twice\n' })]).toEqual([
      'a-b-c',
      'a-cluster-behind-http',
      'twice',
      'twice-1',
    ]))
})
