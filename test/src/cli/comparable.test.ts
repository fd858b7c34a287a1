import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { lm, reward, root, rxargs } from './rxargs.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-comparable-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const IDS = ['a', 'b', 'c']
let count = 0
/** A run of three prompts, each with `words` before its id. */
async function runOf(rewards: readonly string[], { words = 'Say' } = {}): Promise<string> {
  const out = join(folder, `run-${count++}`)
  const prompts = IDS.map((id) => JSON.stringify({ id, prompt: `${words} ${id}` })).join('\n')
  const given = rewards.flatMap((each) => ['--reward', each])
  const { code, stderr } = await rxargs(['generate', '-', '--lm', lm, ...given, '--max-new-tokens', '3', '-o', out], prompts)
  if (code !== 0) throw new Error(stderr)
  return out
}

type Pair = Readonly<
  Record<'other_prompts' | 'rows', number> & { differences: object; outcomes: object; other_rewards: object[] }
>
/** The notices of eval and report about two runs, which must agree. */
async function compared(one: string, other: string) {
  const evaluated = await rxargs(['eval', one, other, '--no-encoder', '--json'])
  const page = join(folder, `page-${count++}.html`)
  const reported = await rxargs(['report', one, other, '--no-encoder', '-o', page])
  expect([evaluated.code, reported.code]).toEqual([0, 0])
  const notices = evaluated.stderr.split('\n').filter((line) => line !== '')
  // A report calls runs by short names.
  for (const notice of notices)
    expect(reported.stderr).toContain(notice.replaceAll(`${folder}/run-`, 'run-').replaceAll(`in ${folder}/`, 'in '))
  const html = await readFile(page, 'utf8')
  return { notices, html, pair: (JSON.parse(evaluated.stdout) as { pairs: Pair[] }).pairs[0]! }
}

describe('runs whose rewards are of different kinds', () => {
  const short = 'r=length(target=5)'

  it.each<[string, readonly string[], readonly string[], string, string]>([
    ['a function and a model', [short], [`r=${reward}`], 'reward', reward],
    ['two functions', [short], ['r=regex(pattern=a)'], 'reward', '{"regex":'],
    ['one function with other options', [short], ['r=length(target=6)'], 'reward', '{"length":{"target":6'],
    ['two models', [`r=${reward}`], [`r=${root}data/models/chat-rm`], 'reward', 'embedded:chat-rm'],
    ['a further reward', [short, 'x=length(target=1)'], [short, 'x=length(target=2)'], 'reward_x', '{"length":{"target":2'],
  ])('as %s get a notice of eval and report, and no differences', async (_, here, there, metric, kind) => {
    const [one, other] = [await runOf(here), await runOf(there)]
    const { notices, pair } = await compared(one, other)
    expect(notices).toEqual([expect.stringContaining(`${metric} is not compared: ${other} uses ${kind}`)])
    expect(notices[0]).toMatch(/; --reward-model scores both runs alike$/)
    expect(pair.differences).toMatchObject({ [metric]: null, length: expect.any(Object) })
    expect(pair.outcomes).not.toHaveProperty(metric)
    expect(pair.other_rewards).toEqual([expect.objectContaining({ metric })])
  })

  it('by the members of an ensemble get a notice, too', async () => {
    const rule = 'both=ensemble(of="m,n", by=min)'
    const [one, other] = [
      await runOf([rule, 'm=length(target=1)', 'n=length(target=2)']),
      await runOf([rule, 'm=length(target=9)', 'n=length(target=2)']),
    ]
    const { notices } = await compared(one, other)
    expect(notices).toEqual([
      expect.stringMatching(/^reward is not compared/),
      expect.stringMatching(/^reward_m is not compared/),
    ])
  })

  it('as a changed module get a notice, too', async () => {
    const made = async (code: string) => {
      // A process loads a module once for each URL.
      const path = join(folder, `mine-${count++}.mjs`)
      await writeFile(path, code)
      return runOf([`r=${path}`])
    }
    const [one, same, other] = [
      await made('export default (text) => text.length\n'),
      await made('export default (text) => text.length\n'),
      await made('export default (text) => -text.length\n'),
    ]
    expect((await compared(one, same)).notices).toEqual([])
    expect((await compared(one, other)).notices).toEqual([expect.stringContaining('reward is not compared')])
  })

  it('are compared if the kind is the same under another name', async () => {
    const [one, other] = [await runOf([`r=${reward}`]), await runOf([`s=${reward}`])]
    const { notices, pair } = await compared(one, other)
    expect(notices).toEqual([])
    expect(pair.differences).toMatchObject({ reward: expect.any(Object) })
    expect(pair.outcomes).toHaveProperty('reward')
  })
})

describe('runs whose prompts of one id have other words', () => {
  it('are compared with a notice, by eval, report and judge alike', async () => {
    const [one, other] = [await runOf([reward]), await runOf([reward], { words: 'Tell' })]
    const said = `3 prompts have other words in ${other} than in ${one}`
    const { notices, html, pair } = await compared(one, other)
    expect(notices).toEqual([said])
    expect(html).toContain(`3 prompts have other words in`)
    expect(pair).toMatchObject({ rows: 3, other_prompts: 3 })
    const judged = await rxargs(['judge', one, other, '--judge', `rm:${reward}`, '--prompts', '3'])
    expect(judged.stderr).toContain(`${said}: the judge reads those of ${one}`)
  })

  it('get no notice if the words are the same', async () => {
    const [one, other] = [await runOf([reward]), await runOf([reward])]
    expect(await compared(one, other)).toMatchObject({ notices: [], pair: { other_prompts: 0, other_rewards: [] } })
  })
})
