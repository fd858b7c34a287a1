import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { jsonl, pair, reward, root, rxargs } from '../rxargs.js'

let folder: string
let prompts: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-tune-'))
  prompts = join(folder, "it's hh.jsonl")
  const rows = ['One', 'Two', 'Three'].map((text) => ({ id: text, chosen: `\n\nHuman: ${text}\n\nAssistant: Yes.` }))
  await writeFile(prompts, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const judge = ['--judge', `judge=${root}data/golden/labels/reward`, '--judge-label', '0']
const decoding = [...pair, '--max-new-tokens', '5', '--dataset', 'hh']
const grid = ['--k', '2,8', '--weight', '1,4']

describe('rxargs tune', () => {
  it('prints the settings with their figures, and the command of the best', async () => {
    const out = join(folder, 'runs')
    const { code, stdout, stderr } = await rxargs(['tune', prompts, ...decoding, ...judge, ...grid, '-o', out, '--json'])
    expect(stderr).toContain('coarse grid, 3 prompts: ')
    expect(code).toBe(0)
    const tuned = JSON.parse(stdout)
    expect(JSON.parse(await readFile(join(out, 'tune.json'), 'utf8'))).toEqual(tuned)
    const names = tuned.settings.map(({ name }: { name: string }) => name)
    expect(names).toEqual(expect.arrayContaining(['greedy', 'k-2-weight-1', 'k-2-weight-4', 'k-8-weight-1', 'k-8-weight-4']))
    expect((await readdir(out)).sort()).toEqual([...names, 'tune.json'].sort())
    const quoted = prompts.replace("'", `'\\''`)
    const start = `npx rxargs generate '${quoted}' --lm ${pair[1]} --reward ${pair[3]} --max-new-tokens 5 --dataset hh `
    expect(tuned.command.slice(0, start.length)).toBe(start)
    const { best } = tuned
    expect(tuned.command.slice(start.length)).toBe(
      best ? `--k ${best.k} --weight ${best.weight} -o out/` : '--decoder greedy -o out/',
    )
    const means = tuned.settings.map(({ judge: mean }: { judge: number }) => mean)
    const ofBest = tuned.settings.find(({ name }: { name: string }) => name === (best?.name ?? 'greedy'))
    expect(ofBest.judge).toBeGreaterThanOrEqual(Math.max(...means) - 1e-12)

    // A setting's replies are those of generate.
    const direct = await rxargs(['generate', prompts, ...decoding, '--k', '8', '--weight', '4'])
    const made = await rxargs(['cat', join(out, 'k-8-weight-4')])
    const replies = (text: string) => new Map(jsonl(text).map(({ id, token_ids: ids }) => [id, ids]))
    expect(replies(made.stdout)).toEqual(replies(direct.stdout))
  })

  it('goes on in its folder with the same answer; CSV is the table alone', async () => {
    const out = join(folder, 'again')
    const args = ['tune', prompts, ...decoding, ...judge, '--k', '3', '--weight', '1,4', '-o', out, '--format', 'csv']
    const first = await rxargs(args)
    expect(first.stdout).toMatch(/^setting,rows,guide,judge \[95%\],[^\n]*\n(?:(?:greedy|k-)[^\n]*\n)+$/)
    expect(first.stderr).toMatch(/\nnpx rxargs generate .*-o out\/\n/)
    const before = await readdir(join(out, 'k-3-weight-1'))
    expect((await rxargs(args)).stdout).toBe(first.stdout)
    expect(await readdir(join(out, 'k-3-weight-1'))).toEqual(before)
  })

  it('needs no folder, and does not vary what has one value', async () => {
    const { stdout } = await rxargs(['tune', prompts, ...decoding, ...judge, '--k', '3', '--weight', '2'])
    expect(stdout).toMatch(/^setting +rows +guide +judge \[95%\] +judge minus greedy \[95%\] +win-tie \[95%\] +diversity /)
    expect(stdout.match(/^(greedy|k-\S+)/gm)).toEqual(['greedy', 'k-3-weight-2'])
    expect(stdout).toMatch(/\nnpx rxargs generate .*-o out\/\n$/)
  })

  it.each([
    [['x'], "required option '--judge <[name=]reward>' not specified"],
    [['-', '--judge', 'y'], 'Expected a file with prompts, because each setting reads it again, got standard input'],
    [['x', '--judge', 'y', '--weight', '1,two'], 'Expected `--weight` to be a finite number, got `two`'],
    [['x', '--judge', 'y', '--k', '0'], 'Expected `--k` to be an integer >= 1, got `0`'],
    [['x', '--judge', 'y', '--decoder', 'greedy'], 'The decoder `greedy` takes no `--k`; it takes no options'],
    [['x', '--judge', 'y', '--force'], 'Expected `--output` beside `--force`, got none'],
    [['x', '--judge', 'http://127.0.0.1:1/'], 'Expected a reward behind HTTP to have a name, NAME=http://127.0.0.1:1/, got none'],
    [['x', '--judge', reward, ...pair], 'Expected an input file at x, found nothing there'],
  ])('refuses %j in one line', async (args, message) => {
    const { code, stdout, stderr } = await rxargs(['tune', ...args])
    expect(stdout).toBe('')
    expect(code).not.toBe(0)
    expect(stderr).toMatch(/^rxargs: .+\n$/)
    expect(stderr).toContain(message)
  })

  it('refuses the guide as its own judge', async () => {
    const { code, stderr } = await rxargs(['tune', prompts, ...decoding, '--judge', `other=${reward}`])
    expect([code, stderr]).toEqual([2, 'rxargs: Expected `--judge` to be another model than the guide `reward`, got the same\n'])
  })

  it('refuses prompts that set k or weight themselves', async () => {
    const own = join(folder, 'own.jsonl')
    await writeFile(own, `${JSON.stringify({ id: 'a', prompt: 'Hi', weight: 2 })}\n`)
    const { code, stderr } = await rxargs(['tune', own, ...pair, ...judge])
    expect([code, stderr]).toEqual([
      1,
      `rxargs: Expected prompts without the columns \`pipeline\`, \`weight\` and \`k\`, which tuning sets, got \`weight\` in own.jsonl:1\n`,
    ])
  })
})
