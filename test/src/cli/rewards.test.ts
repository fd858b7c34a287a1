import { writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { BatchedRewardModel } from '../../../src/core/batched.js'
import { loadModels } from '../../../src/models/loadModels.js'
import { sequenceOf } from '../../fakes.js'
import { tempFolder } from '../../tempFolder.js'
import { query } from '../io/duckdb.js'
import { jsonl, lm, reward, rxargs } from './rxargs.js'

/** A cross-encoder, which reads prompt and completion as a pair. */
const encoder = fileURLToPath(new URL('../../../data/golden/cross-encoder/reward', import.meta.url))

let folder: string
tempFolder((path) => {
  folder = path
})

const write = async (name: string, text: string): Promise<string> => {
  const path = join(folder, name)
  await writeFile(path, text)
  return path
}
const input = `${['Say', 'One two'].map((prompt) => JSON.stringify({ prompt })).join('\n')}\n`
const generate = (...args: string[]) => rxargs(['generate', '-', '--lm', lm, '--max-new-tokens', '6', '--k', '5', ...args], input)
/** Counts each e, so a test can compute it. */
const E = 'export default async (text) => (text.match(/e/g) ?? []).length / 4\n'
const countE = (text: string): number => (text.match(/e/g) ?? []).length / 4

type Traced = Readonly<Record<'token_ids' | 'prompt_token_ids', number[]>> &
  Readonly<Record<`candidate_${'ids' | 'logits' | 'rewards' | 'rewards_e' | 'scores'}`, number[][]>>

describe('rxargs generate with a model and a module', () => {
  it('scores by logit + the sum of weight times reward, token for token', async () => {
    const path = relative(process.cwd(), await write('e.mjs', E))
    const given = ['--reward', `safe=${reward}`, '--reward', path, '--weight', 'safe=1,e=-0.5', '--trace']
    const { stdout, code } = await generate(...given)
    expect(code).toBe(0)
    const models = await loadModels({ lm, reward: { name: 'safe', path: reward } })
    try {
      const { codec } = models.lm
      const rows = jsonl(stdout) as (Traced & { reward: number; reward_e: number })[]
      expect(rows).toHaveLength(2)
      for (const row of rows) {
        for (let step = 0; step < row.token_ids.length; step++) {
          const ids = [...row.prompt_token_ids, ...row.token_ids.slice(0, step)]
          const [likeliest] = await models.lm.run([{ sequence: sequenceOf('', '', { promptTokenIds: ids }), need: 5 }])
          const candidates = Array.from(likeliest!.tokenIds!)
          const [safe] = await (models.rewards[0] as BatchedRewardModel).run([
            { key: {}, tokenIds: ids, branches: candidates.map((id) => [id]) },
          ])
          const e = candidates.map((id) => countE(codec.decode([...ids, id], true)))
          const scores = candidates.map((_, i) => likeliest!.values[i]! + safe![i]! - 0.5 * e[i]!)
          expect(row.candidate_ids[step]).toEqual(candidates)
          expect(row.candidate_rewards_e[step]).toEqual(e)
          scores.forEach((score, i) => {
            expect(row.candidate_rewards[step]![i]).toBeCloseTo(safe![i]!, 4)
            expect(row.candidate_scores[step]![i]).toBeCloseTo(score, 4)
          })
          expect(row.token_ids[step]).toBe(candidates[scores.indexOf(Math.max(...scores))])
        }
        expect(row.reward_e).toBe(countE(codec.decode([...row.prompt_token_ids, ...row.token_ids], true)))
      }
    } finally {
      await models.close()
    }
  })

  it('reads the preference of each user from its row', async () => {
    const path = await write('e.mjs', E)
    const given = ['--reward', `safe=${reward}`, '--reward', path, '--lm', lm, '--max-new-tokens', '6', '--k', '5']
    const decoded = async (rows: readonly object[], ...more: string[]) => {
      const { stdout } = await rxargs(
        ['generate', '-', ...given, ...more],
        rows.map((row) => `${JSON.stringify(row)}\n`).join(''),
      )
      return new Map(jsonl(stdout).map(({ id, token_ids: ids, error }) => [id, error ?? ids]))
    }
    const [ana, ben] = [
      { id: 'ana', prompt: 'Say' },
      { id: 'ben', prompt: 'Say' },
    ]
    const own = await decoded([
      { ...ana, weight: { safe: 20, e: -9 } },
      { ...ben, weight: { safe: -20 } },
      { id: 'eve', prompt: 'Say', weight: { kind: 1 } },
    ])
    expect(own.get('ana')).toEqual((await decoded([ana], '--weight', 'safe=20,e=-9')).get('ana'))
    expect(own.get('ben')).toEqual((await decoded([ben], '--weight', 'safe=-20')).get('ben'))
    expect(own.get('ben')).not.toEqual(own.get('ana'))
    expect(own.get('eve')).toBe('stdin:3: Column `weight`: Expected `weight` to name rewards of the steps (safe, e), got `kind`')
  })

  it('writes both to Parquet, and refuses rows of a changed module', async () => {
    const path = await write('e.mjs', E)
    const out = join(folder, 'out')
    const args = ['--reward', `safe=${reward}`, '--reward', path, '-o', out]
    const { stderr } = await generate(...args)
    expect(stderr).toMatch(/args \(k 5, weight 1\.5\).*mean reward -?[\d.]+, mean e [\d.]+/s)
    const [row] =
      await query(`select len(rewards)::int a, len(rewards_e)::int b, len(token_ids)::int n, reward_e = rewards_e[-1] ok
      from '${out}/*.parquet'`)
    expect(row).toEqual({ a: row!.n, b: row!.n, n: row!.n, ok: true })
    expect((await generate(...args)).stderr).toContain('Nothing to do')
    await writeFile(path, `${E}// changed\n`)
    expect(await generate(...args)).toMatchObject({ code: 1, stderr: expect.stringContaining('`model reward e`') })
  })

  it('makes an error row of a prompt whose call fails or takes too long', async () => {
    const path = await write(
      'half.mjs',
      `export const scoreBatch = (texts) => {
        if (texts[0].startsWith('One')) throw new Error('not one')
        return texts[0].startsWith('Say') && texts.length > 1 ? new Promise(() => {}) : texts.map(() => 1)
      }\n`,
    )
    const { stdout, code } = await generate('--reward', path, '--reward-timeout', '500')
    const errors = new Map(jsonl(stdout).map(({ id, error }) => [id, error]))
    expect(Object.fromEntries(errors)).toEqual({
      'stdin:1': 'Reward `half` returned nothing within 500 ms',
      'stdin:2': 'Reward `half` failed: not one',
    })
    expect(code).toBe(1)
  })
})

describe('rxargs generate with a function of this package', () => {
  it('steers by it', async () => {
    const words = await write('words.txt', 'e\n\nee\r\n')
    const count = async (weight: string) => {
      const { stdout } = await generate(
        '--reward',
        String.raw`e=regex(pattern="\p{L}", count=true)`,
        '--reward',
        `words(wanted=@${words})`,
        '--weight',
        weight,
      )
      return jsonl(stdout).reduce((sum, { reward: value }) => sum + Number(value), 0)
    }
    expect(await count('e=50')).toBeGreaterThan(await count('e=-50'))
  })
  it('records its function, and refuses rows of other options', async () => {
    const out = join(folder, 'out')
    expect((await generate('--reward', 'short=length(target=20)', '-o', out)).code).toBe(0)
    const other = await generate('--reward', 'short=length(target=30)', '-o', out)
    expect(other.stderr).toContain('`rewardFunctions.short.length.target` 20, but this run has 30')
  })
  it('steers by an ensemble, whose members are columns', async () => {
    const given = ['--reward', `safe=${reward}`, '--reward', `pair=${encoder}`, '--reward', 'short=length(target=5)']
    const { stdout } = await generate(...given, '--reward', 'least=ensemble(of="safe, pair, short", by=min)', '--weight', '2')
    for (const row of jsonl(stdout) as Readonly<Record<string, number[]>>[]) {
      const least = row.rewards_safe!.map((safe, i) => Math.min(safe, row.rewards_pair![i]!, row.rewards_short![i]!))
      expect(row.rewards).toEqual(least)
      row.scores!.forEach((score, i) => {
        expect(score).toBeCloseTo(row.logits![i]! + 2 * row.rewards![i]!, 4)
      })
    }
  })
  it('prints the plan', async () => {
    const { stdout } = await generate('--reward', `safe=${reward}`, '--reward', 'short=length(target=20)', '--dry-run')
    expect(stdout).toMatch(/^reward +length\(target=20\): a function$/m)
  })
})

describe('rxargs generate refuses', () => {
  it.each<[string, string | undefined, string]>([
    ['a module that is not there', undefined, 'Expected a module at '],
    ['a module that throws', 'throw new Error("not today")', '.mjs to load, got: not today'],
    ['a module that cannot be read', 'export default (', '.mjs to load, got: '],
    ['a module without a function', 'export default 3\nexport const scoreText = () => 1', 'found default, scoreText'],
    ['an empty module', '', '(texts => numbers) or a function (text => number) as its default, found nothing'],
  ])('%s, in one line', async (name, text, message) => {
    const path = join(folder, `${name.replaceAll(' ', '-')}.mjs`)
    if (text !== undefined) await writeFile(path, text)
    const { code, stdout, stderr } = await generate('--reward', path)
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^rxargs: .+\n$/)
    expect(stderr).toContain(message)
  })
  it.each([
    [['--reward', 'length(target=1, goal=2)'], 'Unknown option `goal`; known: target, unit'],
    [['--reward', 'ensemble(of="a, b")'], 'Expected `ensemble` to be an ensemble of other rewards (none), got `a`'],
    [['--reward', 'best()'], 'Expected a reward function (length, regex, json, repetition, words, ensemble), got `best`'],
    [
      ['--reward', 'json()', '--reward-timeout', '5'],
      'Expected a `--reward` that is a module (.js or .mjs) or a server beside `--reward-timeout`',
    ],
    [
      ['--reward', 'a.js', '--reward-timeout', '0'],
      'Expected `--reward-timeout` to be an integer from 1 to 2147483647 (milliseconds), got `0`',
    ],
  ])('%j', async (args, message) => {
    const { code, stderr } = await generate(...args)
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)])
  })
  it('a missing word list', async () => {
    expect((await generate('--reward', 'words(banned=@none.txt)')).stderr).toBe(
      'rxargs: Expected a file with one word per line at none.txt, found nothing there\n',
    )
  })
})
