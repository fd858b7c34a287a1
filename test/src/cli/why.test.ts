import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readColumns } from '../../../src/io/readRows.js'
import { toParquet } from '../../../src/io/toParquet.js'
import { fakeRun, meta, row } from '../io/fakeRun.js'
import { lm, reward, rxargs } from './rxargs.js'

let folder: string
let traced: string
let moved: string
const two = ['--lm', lm, '--reward', `safe=${reward}`, '--reward', 'short=length(target=3)', '--weight', 'safe=3,short=0.5']
const settings = ['--k', '4', '--max-new-tokens', '6', '--samples', '2', '--trace']
const prompts = '{"id":"a","prompt":"Say a"}\n{"id":"b","prompt":"Say b"}\n{"id":"bad"}\n'

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-why-'))
  traced = join(folder, 'traced')
  await rxargs(['generate', '-', ...two, ...settings, '-o', traced], prompts)
  moved = join(folder, 'moved-lm')
  await cp(lm, moved, { recursive: true })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

type Candidate = { token_id: number; token: string; logit: number; score: number; rewards: Record<string, number> } & Record<
  'chosen' | 'greedy' | 'best',
  boolean
>
type Step = {
  position: number
  token_id: number
  token: string
  differs: boolean
  greedy_token_id: number
  candidates: Candidate[]
}

const stepsOf = async (...more: string[]): Promise<Step[]> =>
  JSON.parse((await rxargs(['why', traced, 'b', '--json', ...more])).stdout).steps

describe('rxargs why', () => {
  it('has the numbers of the row, each reward by name, and the choice of the highest score', async () => {
    const steps = await stepsOf('--sample', '1')
    const rows: Record<string, unknown>[] = []
    for await (const each of readColumns(traced)) rows.push(each)
    const found = rows.find(({ id, sample }) => id === 'b' && sample === 1)!
    expect(steps.map((step) => step.token_id)).toEqual(found.token_ids)
    for (const { position, candidates, token_id, greedy_token_id, differs } of steps) {
      const chosen = candidates.find((candidate) => candidate.chosen)!
      expect(chosen).toMatchObject({ token_id, best: true, logit: (found.logits as number[])[position] })
      expect(chosen.score).toBe((found.scores as number[])[position])
      expect(chosen.rewards.safe).toBe((found.rewards as number[])[position])
      expect(chosen.rewards.short).toBe((found.rewards_short as number[])[position])
      expect(chosen.score).toBeCloseTo(chosen.logit + 3 * chosen.rewards.safe! + 0.5 * chosen.rewards.short!, 4)
      expect(greedy_token_id).toBe(candidates.toSorted((one, other) => other.logit - one.logit)[0]!.token_id)
      expect(differs).toBe(greedy_token_id !== token_id)
    }
    expect(steps.some(({ differs }) => differs)).toBe(true)
  })

  it('gives the text of each token; together they are the reply, except for split characters', async () => {
    const { stdout } = await rxargs(['why', traced, 'b', '--json'])
    const { completion, steps } = JSON.parse(stdout)
    const texts = steps.map(({ token }: Step) => token).join('')
    expect(texts.replaceAll('\uFFFD', '')).not.toBe('')
    const shared = texts.replace(/[^\w\s\uFFFD]/g, '\\$&').replace(/\uFFFD+/g, '.+')
    expect(completion).toMatch(new RegExp(`^${shared}$`, 's'))
  })

  it("prints a line a step, and greedy's choice below it", async () => {
    const { code, stdout, stderr } = await rxargs(['why', traced, 'b'])
    const steps = await stepsOf()
    const differing = steps.filter(({ differs }) => differs).length
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^b, sample 0: Say b\nreply: .*\ndecoder of the run: topK \(k 4\), batchReward \(reward "safe"\), /)
    expect(stdout).toContain(`\n6 steps, ${differing} differ from greedy; reward `)
    expect(stdout).toMatch(/\nstep, token +logit +safe +short +score\n/)
    expect(stdout.match(/^\d {2}".*" \(\d+\) /gm)).toHaveLength(6)
    expect(stdout.match(/^ {3}≠ greedy ".*" \(\d+\) /gm)).toHaveLength(differing)
  })

  it('prints all candidates of the requested steps', async () => {
    const { stdout } = await rxargs(['why', traced, 'b', '--step', '2-3'])
    expect(stdout).toContain('2 steps of 6, ')
    expect(stdout.match(/^step \d: .*, the highest score/gm)?.map((line) => line.slice(0, 6))).toEqual(['step 2', 'step 3'])
    expect(stdout.match(/^→/gm)).toHaveLength(4)
    expect(stdout.match(/^[→ ][≠ ] ".*" \(\d+\) /gm)).toHaveLength(8)
    expect((await stepsOf('--step', '5')).map(({ position }) => position)).toEqual([5])
  })

  it("shows token ids without the run's tokenizer, and reads it from --lm", async () => {
    const run = join(folder, 'gone')
    const candidates = { tokenIds: Int32Array.of(4, 3), logits: Float32Array.of(2, 1), scores: Float32Array.of(2, 5) }
    const own = { promptTokenIds: [1, 2], tokenIds: [3], trace: [candidates] }
    await toParquet(run, fakeRun([row('a', own)], { runMeta: { ...meta({ trace: true }) } }))
    const { code, stdout, stderr } = await rxargs(['why', run, 'a'])
    expect(code).toBe(0)
    expect(stderr).toMatch(/^Tokens are shown as ids: Expected \/somewhere.*\. Use --lm to name the tokenizer's folder\.\n$/)
    expect(stdout).toMatch(/^0 {2}3 +1\.000 +5\.000\n {3}≠ greedy 4 +2\.000 +2\.000$/m)
    expect((await rxargs(['why', run, 'a', '--lm', lm])).stderr).toContain('encodes the prompt differently from the run')
    expect(await rxargs(['why', traced, 'b', '--lm', moved])).toEqual(await rxargs(['why', traced, 'b']))
  })

  it('marks the highest score if another candidate was sampled', async () => {
    const run = join(folder, 'drawn')
    const drawn = ['--decoder', 'top-k', '--k', '4', '--temperature', '50', '--max-new-tokens', '8', '--trace']
    await rxargs(['generate', '-', '--lm', lm, '--reward', reward, ...drawn, '-o', run], '{"id":"a","prompt":"Say a"}\n')
    const { stdout } = await rxargs(['why', run, 'a', '--step', '0-7'])
    expect(stdout).toMatch(/^step \d: ".*" \(\d+\), although ".*" \(\d+\) has the highest score; greedy would have chosen/m)
  })

  it.each([
    [['a', '--step', '6'], 1, 'Expected `--step` below 6, the number of steps of `a`, got 6'],
    [['a', '--step', '3-2'], 2, 'Expected `--step` to be a step or a range of steps, such as 3 or 3-7, got `3-2`'],
    [['a', '--sample', '2'], 1, 'Expected one of the samples of `a` (0, 1), got `2`'],
    [['a', '--sample', '-1'], 2, 'Expected `--sample` to be an integer >= 0, got `-1`'],
    [['c'], 1, 'found none among 6 rows, such as `'],
    [['bad'], 1, 'Expected a reply, but `bad` is an error row: '],
  ])('%j is refused in one line', async ([id, ...more], code, message) => {
    const refused = await rxargs(['why', traced, id!, ...more])
    expect(refused).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(message) })
    expect(refused.stderr.match(/\n/g)).toHaveLength(1)
  })

  it('explains how to get a trace if rows have none', async () => {
    const plain = join(folder, 'plain')
    await toParquet(plain, fakeRun([row('a')]))
    const refused = await rxargs(['why', plain, 'a'])
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('`rxargs generate --trace` stores them') })
  })
})
