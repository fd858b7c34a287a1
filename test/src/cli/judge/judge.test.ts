import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Asked, type Behaviour, type JudgeServer, judgeServer } from '../../models/remote/judgeServer.js'
import { pair, reward, rxargs } from '../rxargs.js'

let folder: string
let runs: [string, string]
let server: JudgeServer | undefined
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-judge-'))
  runs = [join(folder, 'args'), join(folder, 'greedy')]
  const prompts = Array.from({ length: 12 }, (_, index) => `{"id":"${index}","prompt":"Say ${index}"}\n`).join('')
  await rxargs(['generate', '-', ...pair, '--max-new-tokens', '4', '-o', runs[0]], prompts)
  await rxargs(['generate', '-', ...pair, '--max-new-tokens', '4', '--decoder', 'greedy', '-o', runs[1]], prompts)
})
afterAll(() => rm(folder, { recursive: true, force: true }))
afterEach(async () => {
  delete process.env.RXARGS_JUDGE_KEY
  await server?.close()
  server = undefined
})

const first: Behaviour = { text: 'The first.\n{"first": 8, "second": 4}', tokens: 50 }
let number = 0

/** Judges the runs by a server with this behaviour. */
async function judged(
  behave: (asked: Asked, number: number) => Behaviour,
  more: readonly string[] = [],
  out = join(folder, `out-${number++}`),
) {
  server ??= await judgeServer(behave)
  const chat = ['--judge', server.url, '--model', 'judge', '-o', out, '--backoff', '0.001', '--prompts', '10', '--json']
  const { code, stdout, stderr } = await rxargs(['judge', ...runs, ...chat, ...more])
  return { code, stderr, out, figures: code === 0 ? JSON.parse(stdout) : undefined }
}
const answers = async (out: string) => readFile(join(out, 'answers.jsonl'), 'utf8')

describe('rxargs judge', () => {
  it('detects a judge that always prefers the first reply', async () => {
    const { code, figures, out } = await judged(() => first)
    expect(code).toBe(0)
    expect(figures).toMatchObject({
      a: runs[0],
      b: runs[1],
      judged: 10,
      failed: 0,
      calls: 10,
      tokens: 500,
      first_wins: { value: 1 },
    })
    expect(figures.win + figures.lose).toBe(10)
    expect(figures.win_tie.value).toBe(figures.win / 10)
    expect((await answers(out)).trimEnd().split('\n')).toHaveLength(10)
    expect(server!.most()).toBeLessThanOrEqual(4)
  })

  it('survives rate limits, failures, and cut, slow and nonsense answers', async () => {
    const bad: Behaviour[] = [
      { status: 429 },
      { status: 500 },
      { cut: true },
      { slow: true },
      { text: 'No idea', tokens: 5 },
      { body: '{' },
    ]
    const { code, figures } = await judged((_, at) => bad[at] ?? first, ['--timeout', '3'])
    expect([code, figures.judged, figures.failed]).toEqual([0, 10, 0])
    expect(figures.calls).toBe(16)
    expect(figures.tokens).toBe(505)
  })

  it('resumes without repeated requests, except for a cut line', async () => {
    const stopped = await judged(() => first, ['--max-calls', '6'])
    expect(stopped.figures).toMatchObject({ judged: 6, left: 4, ceiling: '6 calls' })
    expect(stopped.stderr).toContain('Stopped at the limit of 6 calls: 4 of 10 pairs are not judged\n')
    await appendFile(join(stopped.out, 'answers.jsonl'), '{"id":"7","ke')
    const again = await judged(() => first, [], stopped.out)
    expect(again.figures).toMatchObject({ judged: 10, left: 0, ceiling: null, calls: 10 })
    expect(server!.requests).toHaveLength(10)
    const all = await judged(() => first, [], stopped.out)
    expect(server!.requests).toHaveLength(10)
    expect(all.figures).toEqual(again.figures)
  })

  it('reads the key from the environment only, and writes it nowhere', async () => {
    process.env.RXARGS_JUDGE_KEY = 'top-secret'
    const { stderr, out } = await judged((_, at) => (at === 0 ? { status: 500, body: 'top-secret' } : first))
    expect(server!.requests.every(({ authorization }) => authorization === 'Bearer top-secret')).toBe(true)
    expect(stderr + (await answers(out))).not.toContain('top-secret')
    await server!.close()
    server = undefined
    const refused = await judged(() => ({ status: 401, body: 'top-secret is wrong' }))
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/refused: 401 Unauthorized: … is wrong\n$/) })
  })

  it('prints the outcome, and fails without a judgement', async () => {
    server = await judgeServer(() => first)
    const chat = ['--judge', server.url, '--model', 'judge', '-o', join(folder, 'words')]
    const { stdout, stderr } = await rxargs(['judge', ...runs, ...chat])
    expect(stderr).toContain('The runs share 12 answered prompts, fewer than --prompts 300\n')
    expect(stdout).toMatch(/^win-tie of A +0\.\d+ \[0\.\d+, [01]\.\d+\]$/m)
    expect(stdout).toMatch(/^shown first wins {2}1\.000 \[0\.\d+, 1\.000\]: the judge favours the first reply$/m)
    await server.close()
    server = undefined
    const nothing = await judged(() => ({ text: '?' }), ['--retries', '0'])
    expect(nothing.code).toBe(1)
    expect(nothing.stderr).toContain(
      'are left out; the last: no scores from 1 to 10 in the answer\nrxargs: No pair of replies was judged\n',
    )
  })

  it('judges by a reward model, like eval', async () => {
    const { code, stdout } = await rxargs(['judge', ...runs, '--judge', `rm:${reward}`, '--json'])
    const evaluated = await rxargs(['eval', runs[1], runs[0], '--reward-model', `rm=${reward}`, '--json'])
    const { win, tie, lose, first_wins: firstWins } = JSON.parse(stdout)
    expect({ win, tie, lose }).toEqual(JSON.parse(evaluated.stdout).pairs[0].outcomes['reward:rm'])
    expect([code, win + tie + lose, firstWins]).toEqual([0, 12, null])
  })

  it.each([
    [['--judge', 'rm:'], 'to be an address or rm:FOLDER'],
    [['--judge', 'rm:x', '--max-calls', '3'], 'A reward model runs on this machine, so `--max-calls` does not apply'],
    [['--judge', 'http://host', '--device', 'webgpu'], 'A chat model runs on its server, so `--device` does not apply'],
    [['--judge', 'ftp://x', '--model', 'm'], 'Expected `--judge` to be an http(s) address or rm:FOLDER, got `ftp://x`'],
    [['--judge', 'http://x'], 'Expected `--model`, the name of the judge model on the server, got nothing'],
    [['--judge', 'http://x', '--model', 'm'], 'Expected `--output`, a folder for the answers, got nothing'],
    [['--judge', 'http://x', '--prompts', '0'], 'Expected `--prompts` to be an integer >= 1, got `0`'],
    [[], 'Expected `--judge`, the address of a server or rm:FOLDER of a reward model, got nothing'],
  ])('refuses %j in one line', async (more, message) => {
    const { code, stdout, stderr } = await rxargs(['judge', 'a', 'b', ...more])
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(/^rxargs: .+\n$/)
    expect(stderr).toContain(message)
  })

  it('refuses a file without answers', async () => {
    const out = await mkdtemp(join(folder, 'other-'))
    await writeFile(join(out, 'answers.jsonl'), '{"id":"x"}\n')
    const { code, stderr } = await judged(() => first, [], out)
    expect(code).toBe(1)
    expect(stderr).toMatch(/Expected an answer of a judge in .*answers\.jsonl:1, got another line; use another folder\n$/)
  })
})
