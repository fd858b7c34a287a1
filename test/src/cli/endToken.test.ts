import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { reward as grouped, jsonl, lm, root, rxargs } from './rxargs.js'

const reward = `${root}data/golden/llama3/reward`
const folder = mkdtempSync(join(tmpdir(), 'rxargs-end-token-'))

/** The same model with another tokenizer: it has no merges. */
const bytes = join(folder, 'bytes')
cpSync(reward, bytes, { recursive: true })
const tokenizer = JSON.parse(readFileSync(join(bytes, 'tokenizer.json'), 'utf8'))
tokenizer.model.merges = []
writeFileSync(join(bytes, 'tokenizer.json'), JSON.stringify(tokenizer))

/** What transformers answers, from test/reference/end_token.py: without an end token and with it. */
const texts = [
  { prompt: 'Hi ', completion: 'please', plain: 0.499218, ended: -1.360864 },
  { prompt: 'Hi ', completion: 'no, thank you', plain: 0.478409, ended: -0.597932 },
  { prompt: 'A', completion: 'word', plain: -2.496506, ended: -1.407287 },
  // Has its end token already.
  { prompt: 'Hi ', completion: 'done<|end|>', plain: -1.42371, ended: -1.42371 },
]
const write = (name: string, rows: readonly object[]): string => {
  writeFileSync(join(folder, name), rows.map((row, id) => `${JSON.stringify({ id: String(id), ...row })}\n`).join(''))
  return join(folder, name)
}
const whole = write('whole.jsonl', texts)
const cut = write(
  'cut.jsonl',
  texts.map((text) => ({ ...text, finish_reason: 'length' })),
)

const scored = async (...args: string[]): Promise<unknown[]> => {
  const { stdout } = await rxargs(['score', ...args, '--reward', reward])
  const rows = jsonl(stdout).sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1))
  return rows.map((row) => row.reward)
}
const near = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 4) as unknown)

describe('--end-token', () => {
  it('makes a reward model read the token after each completion, as TRL writes texts', async () => {
    expect(await scored(whole)).toEqual(near(texts.map(({ plain }) => plain)))
    expect(await scored(whole, '--end-token', '<|end|>')).toEqual(near(texts.map(({ ended }) => ended)))
  })

  it('leaves a completion as it is that a token limit cut off', async () => {
    expect(await scored(cut, '--end-token', '<|end|>')).toEqual(near(texts.map(({ plain }) => plain)))
  })

  it('counts in eval and judge as in score', async () => {
    const out = join(folder, 'out')
    await rxargs(['score', whole, '--reward', reward, '-o', out])
    const mean = texts.reduce((sum, { ended }) => sum + ended, 0) / texts.length
    const args = ['eval', out, '--reward-model', `rm=${reward}`, '--end-token', '<|end|>', '--json']
    const { stdout } = await rxargs(args)
    const { runs } = JSON.parse(stdout) as { runs: { 'reward:rm': number }[] }
    expect(runs[0]!['reward:rm']).toBeCloseTo(mean, 4)
    const judged = await rxargs(['judge', out, out, '--judge', `rm:${reward}`, '--end-token', '<|end|>', '--json'])
    expect((JSON.parse(judged.stdout) as { mean_a: number }).mean_a).toBeCloseTo(mean, 4)
  })

  it('belongs to the rows, so a folder has rewards of one kind', async () => {
    const out = join(folder, 'mixed')
    await rxargs(['score', whole, '--reward', reward, '-o', out])
    const { code, stderr } = await rxargs(['score', whole, '--reward', reward, '--end-token', '<|end|>', '-o', out])
    expect([code, stderr]).toEqual([1, expect.stringContaining('endToken')])
  })

  it('makes a guide of another tokenizer read the token after replies that ended, as score reads them', async () => {
    const prompts = write(
      'prompts.jsonl',
      [...'abcdefgh'].map((prompt) => ({ prompt })),
    )
    const out = join(folder, 'guided')
    const guides = ['--lm', lm, '--reward', `rm=${bytes}`, '--reward', `other=${bytes}`]
    const run = ['generate', prompts, ...guides, '--decoder', 'best-of-n', '--n', '2', '--max-new-tokens', '40', '-o', out]
    expect((await rxargs([...run, '--end-token', 'rm=<|end|>'])).code).toBe(0)
    // A character that lacks bytes at the end is left out while decoding, and `score` reads it.
    const rows = jsonl((await rxargs(['cat', out])).stdout).filter((row) => !String(row.completion).endsWith('\uFFFD'))
    expect(new Set(rows.map((row) => row.finish_reason))).toEqual(new Set(['stop', 'length']))
    for (const [columns, flags] of [
      ['reward', ['--end-token', '<|end|>']],
      ['reward_other', []],
    ] as const) {
      const { stdout } = await rxargs(['score', out, '--reward', bytes, ...flags])
      const scores = new Map(jsonl(stdout).map((row) => [row.id, row.reward as number]))
      for (const row of rows) expect(row[columns]).toBeCloseTo(scores.get(row.id)!, 4)
    }
    expect(await rxargs([...run, '--end-token', 'other=<|end|>'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('`end token of reward rm` "<|end|>", but this run has none'),
    })
  })

  const guided = ['generate', write('one.jsonl', [{ prompt: 'a' }]), '--lm', lm, '--max-new-tokens', '2']
  it.each([
    [[...guided, '--reward', bytes, '--end-token', 'end'], /to be one special token of reward `bytes`, got "end"/],
    [
      [...guided, '--reward', grouped, '--end-token', '<|end|>'],
      /has the tokenizer of the language model .* `endToken` does not apply/,
    ],
    [
      [...guided, '--reward', 'length(target=3)', '--end-token', 'x'],
      /Expected a `--reward` that is a model beside `--end-token`/,
    ],
    [
      [...guided, '--reward', `a=${reward}`, '--reward', `b=${reward}`, '--end-token', 'x'],
      /to be NAME=TOKEN with a reward's name \(a, b\)/,
    ],
    [[...guided, '--reward', reward, '--end-token', 'x', '--end-token', 'y'], /Expected one `--end-token` of reward `reward`/],
    [[...guided, '--reward', `${root}data/golden/cross-encoder/reward`, '--end-token', '[SEP]'], /`endToken` does not apply/],
    [['score', whole, '--reward', reward, '--end-token', 'end'], /to be one special token of reward `reward`, got "end"/],
    [['score', whole, '--reward', reward, '--end-token', 'e'], /got "e", which is an ordinary token/],
    [['score', whole, '--reward', 'words(wanted=no)', '--end-token', '<|end|>'], /`words`, which reads text without tokens/],
    [['score', whole, '--reward', `${root}data/golden/cross-encoder/reward`, '--end-token', '[SEP]'], /is an encoder/],
    [['eval', folder, '--end-token', '<|end|>'], /beside `--reward-model`/],
    [['judge', 'a', 'b', '--judge', 'http://x', '--end-token', '<|end|>'], /`--end-token` does not apply/],
    [['score', whole, '--reward', grouped, '--end-token', '<|im_end|>'], /special token of reward/],
  ])('is refused in %j', async (args, message) => {
    const { code, stderr } = await rxargs(args)
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)])
  })
})
