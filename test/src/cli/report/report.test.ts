import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseHTML } from 'linkedom'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { toParquet } from '../../../../src/io/toParquet.js'
import { loadCodec } from '../../../../src/models/checkpoint/tokenizer/loadCodec.js'
import { browser, opened, WITHOUT } from '../../../browser.js'
import { using } from '../../../usedPage.js'
import { errorRow, fakeRun, meta, row } from '../../io/fakeRun.js'
import { lm, reward, rxargs } from '../rxargs.js'

let folder: string
let greedy: string
let guided: string
let page: string
const two = ['--lm', lm, '--reward', `safe=${reward}`, '--reward', 'short=length(target=3)']
const prompts = [...'abcdef'].map((id) => `{"id":"${id}","prompt":"Say ${id}"}\n`).join('')

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-report-'))
  greedy = join(folder, 'greedy')
  guided = join(folder, 'guided')
  page = join(folder, 'report.html')
  const settings = [...two, '--max-new-tokens', '6', '--trace']
  await rxargs(['generate', '-', ...settings, '--decoder', 'greedy', '-o', greedy], prompts)
  await rxargs(['generate', '-', ...settings, '--k', '4', '--weight', 'safe=3', '-o', guided], `${prompts}{"id":"bad"}\n`)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const documentOf = (html: string) => parseHTML(html).document
const cellsOf = (table: { querySelectorAll: (selector: string) => Iterable<unknown> }): string[][] =>
  [...(table.querySelectorAll('tr') as Iterable<{ children: Iterable<{ textContent: string }> }>)].map(({ children }) =>
    [...children].map(({ textContent }) => textContent),
  )

describe('rxargs report', () => {
  it('has the tables of rxargs eval, and a plot of each existing figure', async () => {
    const made = await rxargs(['report', greedy, guided, '-o', page])
    expect(made).toMatchObject({ code: 0, stdout: `${page}\n`, stderr: `guided: leaves out 1 error row\n` })
    const document = documentOf(await readFile(page, 'utf8'))
    const [runs, pairs] = [...document.querySelectorAll('table')].map(cellsOf)
    const csv = (await rxargs(['eval', greedy, guided, '--format', 'md'])).stdout
    const expected = csv.split('\n').filter((line) => line.startsWith('|') && !line.startsWith('| ---'))
    const folders = `${folder}/`
    expect([...runs!, ...pairs!].map((cells) => `| ${cells.join(' | ')} |`)).toEqual(
      expected.map((line) => line.replaceAll(folders, '')),
    )
    const titles = (section: string) =>
      [...document.querySelectorAll(`#${section} svg .title`)].map(({ textContent }) => textContent)
    const figures = ['reward', 'diversity', 'length', 'stopped', 'reward_short', 'coherence']
    expect(titles('differences')).toEqual(figures.map((figure) => `Difference in ${figure}`))
    expect(titles('distributions')).toEqual(['length', 'reward', 'reward_short'].map((figure) => `Distribution of ${figure}`))
    expect(document.body.textContent).toContain('leaves out 1 error row')
  })

  it('embeds the same sample of every run, and notes it', async () => {
    const small = join(folder, 'small.html')
    await rxargs(['report', greedy, guided, '-o', small, '--inspect', '2', '--seed', '5'])
    const document = documentOf(await readFile(small, 'utf8'))
    expect(document.body.textContent).toContain('A sample of 2 of up to 6 replies a run, drawn by seed 5.')
    const data = JSON.parse(document.getElementById('inspector-data')!.textContent!)
    expect(data.rows).toHaveLength(2)
    for (const { replies } of data.rows) expect(replies.map(({ run }: { run: number }) => run)).toEqual([0, 1])
    await rxargs(['report', greedy, '-o', small, '--inspect', '0', '--force'])
    expect(await readFile(small, 'utf8')).toContain('No reply is in this page: <code>--inspect 0</code>.')
  })

  it('has the plots and the table of --sweep', async () => {
    const swept = join(folder, 'sweep')
    const settings = ['--lm', lm, '--reward', reward, '--max-new-tokens', '4', '--weight', '0,2', '--k', '2,4']
    const file = join(folder, 'prompts.jsonl')
    await writeFile(file, prompts)
    expect((await rxargs(['sweep', file, ...settings, '-o', swept])).code).toBe(0)
    const path = join(folder, 'swept.html')
    expect(await rxargs(['report', greedy, '--sweep', swept, '-o', path])).toMatchObject({ code: 0, stderr: '' })
    const html = await readFile(path, 'utf8')
    for (const metric of ['reward', 'diversity'])
      expect(html).toContain((await readFile(join(swept, `${metric}.svg`), 'utf8')).trim())
    const points = JSON.parse(await readFile(join(swept, 'sweep.json'), 'utf8')).points
    const [table] = [...documentOf(html).querySelectorAll('#sweep table')].map(cellsOf)
    const [head, ...rows] = table!
    expect(head!.slice(0, 5)).toEqual(['run', 'k', 'weight', 'rows', 'reward'])
    expect(rows.map((cells) => cells.slice(0, 5))).toEqual(
      points.map(
        ({ name, k, weight, rows, reward }: { name: string; k: number; weight: number; rows: number; reward: number }) => [
          ...[name, String(k), String(weight), String(rows), reward.toFixed(3)],
        ],
      ),
    )
  })

  it.each([
    [undefined, 'ENOENT'],
    ['{', 'sweep.json: '],
    ['{"points":[{"name":"x"}]}', 'has no list `points` of k, weight, rows, errors and figures'],
  ])('a sweep folder whose sweep.json is %j is refused in one line', async (content, message) => {
    const swept = await mkdtemp(join(folder, 'damaged-'))
    if (content !== undefined) await writeFile(join(swept, 'sweep.json'), content)
    const refused = await rxargs(['report', greedy, '--sweep', swept, '-o', join(swept, 'x.html')])
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toMatch(/^[^\n]*Expected a folder that rxargs sweep wrote at [^\n]*\n$/)
    expect(refused.stderr).toContain(message)
  })

  it('loads nothing, and allows one script', async () => {
    const html = await readFile(page, 'utf8')
    const document = documentOf(html)
    const policy = document.querySelector('meta[http-equiv]')!.getAttribute('content')
    expect(policy).toMatch(/^default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-[\w+/]+='; /)
    expect([...document.querySelectorAll('[src], [href], link, img, iframe, object')]).toHaveLength(0)
    expect(html).not.toMatch(/url\(|@import/)
  })

  it.each([
    [['-o', 'x.html'], 2, "missing required argument 'runs'"],
    [['nowhere', '-o', 'x.html'], 1, 'found nothing there'],
    [['nowhere'], 2, "required option '-o, --output <file>' not specified"],
    [['x', '-o', 'x.html', '--inspect', '-1'], 2, 'Expected `--inspect` to be an integer >= 0, got `-1`'],
    [['x', '-o', 'x.html', '--pooling', 'mean'], 2, 'Expected `--encoder` beside `--pooling`, got none'],
  ])('%j is refused in one line', async (args, code, message) => {
    const refused = await rxargs(['report', ...args])
    expect(refused).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(message) })
    expect(refused.stderr.match(/\n/g)).toHaveLength(1)
  })

  it('replaces a file with --force only, and names a place that it cannot write', async () => {
    const path = join(folder, 'there.html')
    await writeFile(path, 'mine')
    expect(await rxargs(['report', greedy, '-o', path])).toMatchObject({ code: 1, stderr: expect.stringContaining('--force') })
    expect(await readFile(path, 'utf8')).toBe('mine')
    expect((await rxargs(['report', greedy, '-o', path, '--force'])).code).toBe(0)
    expect(await readFile(path, 'utf8')).toMatch(/^<!doctype html>/)
    const nowhere = join(folder, 'no', 'where.html')
    expect(await rxargs(['report', greedy, '-o', nowhere])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`Expected to write ${nowhere}`),
    })
  })
})

describe('the page in a browser', () => {
  it('shows the tokens of a reply, marks where greedy decoding would differ, and the candidates of a step', async (context) => {
    context.skip(browser === undefined, WITHOUT)
    const { html, said } = await opened(page)
    expect(said).toBe('')
    const document = documentOf(html)
    const data = JSON.parse(document.getElementById('inspector-data')!.textContent!)
    const [{ id, replies }] = data.rows
    const { steps } = JSON.parse((await rxargs(['why', guided, id, '--json'])).stdout)
    const [, side] = document.querySelectorAll('.side')
    const tokens = [...side!.querySelectorAll('.reply .token')]
    expect(replies).toHaveLength(2)
    expect(tokens.map(({ textContent }) => textContent)).toEqual(
      steps.map(({ token }: { token: string }) => token.replaceAll('\n', '⏎\n')),
    )
    expect(tokens.map(({ className }) => className.includes('differs'))).toEqual(
      steps.map(({ differs }: { differs: boolean }) => differs),
    )
    const at = tokens.findIndex((token) => token.getAttribute('aria-pressed') === 'true')
    expect(steps[at].differs).toBe(true)
    const [head, ...rows] = cellsOf(side!.querySelector('.panel table')!)
    expect(head).toEqual(['token', 'logit', 'safe', 'short', 'score'])
    type Candidate = {
      token: string
      logit: number
      score: number
      rewards: Record<string, number>
      chosen: boolean
      greedy: boolean
    }
    expect(rows).toEqual(
      steps[at].candidates.map(({ token, logit, score, rewards, chosen, greedy: isGreedy }: Candidate) => [
        `${JSON.stringify(token)}${chosen ? ' chosen' : ''}${isGreedy ? ' greedy' : ''}`,
        ...[logit, rewards.safe!, rewards.short!, score].map((value) => Number(value.toFixed(4)).toFixed(3)),
      ]),
    )
  })

  it('never interprets prompts, replies, ids or run names as HTML', async (context) => {
    context.skip(browser === undefined, WITHOUT)
    const hostile = `</script><script>document.title='broken'</script><!--<script><img src=x onerror="document.title='broken'">&amp;`
    const codec = await loadCodec(lm)
    const tokenIds = codec.encode(hostile, false)
    const own = { prompt: hostile, completion: hostile, promptTokenIds: codec.encode(hostile, true), tokenIds }
    const trace = tokenIds.map((tokenId) => ({
      tokenIds: Int32Array.of(tokenId),
      logits: Float32Array.of(1),
      scores: Float32Array.of(1),
    }))
    const run = join(folder, `<img src=x onerror=alert(1)>'"&`)
    const runMeta = {
      ...meta({ trace: true, decoder: { steps: [{ [hostile]: {} }] } }),
      models: { lm: { path: lm, sha256: 'aa' } },
    }
    await toParquet(run, fakeRun([row(hostile, { ...own, trace }), errorRow('bad')], { runMeta }))
    const path = join(folder, 'hostile.html')
    expect((await rxargs(['report', run, '-o', path])).code).toBe(0)
    const { html, said } = await opened(path)
    expect(said).toBe('')
    const document = documentOf(html)
    expect(document.title).toBe(`rxargs report: ${run.slice(folder.length + 1)}`)
    expect([...document.querySelectorAll('script')]).toHaveLength(2)
    expect([...document.querySelectorAll('img')]).toHaveLength(0)
    expect(document.querySelector('.reply')!.textContent).toBe(hostile)
    expect(document.getElementById('inspector-prompt')!.textContent).toBe(hostile.trim())
  })

  it.for([1280, 375])('works by mouse and keyboard on a screen of %i pixels', async (width, context) => {
    context.skip(browser === undefined, WITHOUT)
    const path = join(folder, `used-${width}.html`)
    expect((await rxargs(['report', greedy, guided, '-o', path])).code).toBe(0)
    await using(path, { width }, async ({ value, click, press }) => {
      const pressed = () => value<string>(`document.querySelector('.reply [aria-pressed="true"]').dataset.at`)
      const told = () => value<string>(`document.querySelector('.panel p').textContent`)
      await click('.reply [data-at="1"]')
      expect([await pressed(), await told()]).toEqual(['1', expect.stringMatching(/^Step 1 of /)])
      await press('ArrowRight')
      expect([await pressed(), await told()]).toEqual(['2', expect.stringMatching(/^Step 2 of /)])
      await press('ArrowLeft')
      await press('ArrowLeft')
      await press('ArrowLeft')
      expect(await pressed()).toBe('0')
      const prompt = () => value<string>(`document.querySelector('#inspector-prompt').textContent`)
      const before = await prompt()
      await value(`document.querySelector('#inspector-row').focus()`)
      await press('ArrowDown')
      expect(await prompt()).not.toBe(before)
    })
  })

  it('shows a reply without a trace as text', async (context) => {
    context.skip(browser === undefined, WITHOUT)
    const run = join(folder, 'plain')
    await toParquet(run, fakeRun([row('a')]))
    const path = join(folder, 'plain.html')
    const { stderr } = await rxargs(['report', run, '-o', path])
    expect(stderr).toBe(`plain was decoded without --trace, so its replies have no candidates\n`)
    const document = documentOf((await opened(path)).html)
    expect(document.querySelector('.reply')!.textContent).toBe('to a')
    expect(document.querySelector('.summary')!.textContent).toContain('so there are no candidates')
  })
})
