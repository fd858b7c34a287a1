import { cp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { loadModels } from '../../../src/models/loadModels.js'
import { tempFolder } from '../../tempFolder.js'
import { editTensors, type StoredTensor, writeTensors, zeros } from '../models/checkpoint/storedTensors.js'
import { jsonl, lm, reward, root, rxargs } from './rxargs.js'

const golden = (name: string) => fileURLToPath(new URL(`../../../data/golden/${name}`, import.meta.url))
const text = '{"id":"a","prompt":"How far","completion":" is the moon?"}\n'
const prompt = '{"id":"a","prompt":"How far is the moon?"}\n'

let folder: string
tempFolder((path) => {
  folder = path
})

const added = (...names: readonly string[]) =>
  editTensors(
    join(folder, 'model.safetensors'),
    (all) => new Map([...all, ...names.map((name): [string, StoredTensor] => [name, zeros([2])])]),
  )
const inspected = async (path = folder) => {
  const { code, stdout } = await rxargs(['inspect', path, '--json'])
  return { code, ...(JSON.parse(stdout) as Record<string, unknown>) }
}

describe('rxargs inspect', () => {
  it('lists every unread tensor and file, and why the model is no reward', async () => {
    await cp(golden('vocabulary/reward'), folder, { recursive: true })
    await added('gating.weight', 'gating.bias')
    await writeTensors(join(folder, 'dense.safetensors'), new Map([['linear.weight', zeros([2])]]))
    await writeFile(join(folder, 'extra.pt'), '')
    expect(await inspected()).toMatchObject({
      code: 0,
      heads: 'vocabulary',
      no_reward: expect.stringMatching(
        /found none for `gating\.weight`, `gating\.bias`, `linear\.weight` of dense\.safetensors: /,
      ),
      unused: ['gating.weight', 'gating.bias', 'linear.weight (dense.safetensors)', 'extra.pt'],
    })
    expect((await rxargs(['inspect', folder])).stdout).toMatch(/^unused +gating\.weight, gating\.bias, linear/m)
  })

  it('refuses a model with a layer beyond its config', async () => {
    await cp(golden('vocabulary/reward'), folder, { recursive: true })
    await added('model.layers.7.mlp.up_proj.weight')
    expect(await inspected()).toMatchObject({
      code: 1,
      problems: [expect.stringMatching(/language model in .*, found none for `model\.layers\.7\.mlp\.up_proj\.weight`/)],
    })
  })

  it.each([
    ['value-stack', 'value head `v_head.summary.4.weight`'],
    ['value-file', 'vocabulary; value head `v_head.summary.weight`'],
    ['value-norm', 'value head `value_head.weight`'],
    ['vocabulary', 'vocabulary (as a reward: the log-probability of each token)'],
  ])('shows the head of %s', async (name, heads) => {
    const found = await inspected(golden(`${name}/reward`))
    expect(found).toMatchObject({ code: 0, heads })
    expect(found).not.toHaveProperty('unused')
  })

  it('lists the unread tensors of an encoder', async () => {
    await cp(golden('encoders/bert'), folder, { recursive: true })
    await added('dense.weight')
    await writeFile(join(folder, 'extra.pt'), '')
    expect(await inspected()).toMatchObject({ code: 0, pooling: 'mean', unused: ['dense.weight', 'extra.pt'] })
    const dense = [{ type: 'sentence_transformers.models.Dense', path: '2_Dense' }]
    await writeFile(join(folder, 'modules.json'), JSON.stringify(dense))
    expect(await inspected()).toMatchObject({ code: 1, problems: [expect.stringMatching(/got `Dense`/)] })
  })
})

describe('a language model as a reward', () => {
  const said = /Reward `r` is a language model: its reward is the log-probability of the next token/
  const arm = `r=${golden('vocabulary/reward')}`

  it('gets a notice from score, generate, eval, judge and the loader', async () => {
    const runs = [join(folder, 'a'), join(folder, 'b')]
    expect((await rxargs(['score', '-', '--reward', arm], text)).stderr).toMatch(said)
    for (const [seed, out] of runs.entries()) {
      const flags = ['--lm', lm, '--reward', arm, '--max-new-tokens', '2', '--seed', String(seed), '-o', out]
      expect((await rxargs(['generate', '-', ...flags], prompt)).stderr).toMatch(said)
    }
    expect((await rxargs(['eval', runs[0]!, '--reward-model', arm])).stderr).toMatch(said)
    const judged = await rxargs(['judge', ...runs, '--judge', `rm:${golden('vocabulary/reward')}`])
    expect(judged.stderr).toMatch(/Reward `reward` is a language model/)
    const notices: string[] = []
    const path = golden('vocabulary/reward')
    const models = await loadModels({ lm, reward: { name: 'r', path }, threads: 1, onNotice: (line) => notices.push(line) })
    await models.close()
    expect(notices).toEqual([expect.stringMatching(said)])
  })

  it('is refused by score and generate if the folder may hold another head', async () => {
    await cp(golden('vocabulary/reward'), folder, { recursive: true })
    await added('gating.weight')
    const refused = { code: 1, stdout: '', stderr: expect.stringContaining('found none for `gating.weight`') }
    expect(await rxargs(['score', '-', '--reward', folder], text)).toMatchObject(refused)
    expect(await rxargs(['generate', '-', '--lm', lm, '--reward', folder], prompt)).toMatchObject(refused)
    expect(await rxargs(['generate', '-', '--lm', lm, '--reward', folder, '--dry-run'], prompt)).toMatchObject(refused)
  })
})

it('--dry-run gives the notices of a run', async () => {
  await cp(lm, folder, { recursive: true })
  await added('vision.weight')
  const models = ['--lm', folder, '--reward', `r=${golden('vocabulary/reward')}`]
  const { code, stdout } = await rxargs(['generate', '-', ...models, '--dry-run'], prompt)
  expect(code).toBe(0)
  expect(stdout).toMatch(/^notice +The language model in .* does not use `vision\.weight`$/m)
  expect(stdout).toMatch(/^notice +Reward `r` is a language model/m)
})

it('generate lists the unread tensors of its language model', async () => {
  await cp(lm, folder, { recursive: true })
  await added('vision.weight')
  const { code, stdout, stderr } = await rxargs(
    ['generate', '-', '--lm', folder, '--reward', reward, '--max-new-tokens', '2'],
    prompt,
  )
  expect(stderr).toMatch(/The language model in .* does not use `vision\.weight`/)
  expect([code, jsonl(stdout).length]).toEqual([0, 1])
})

it('the embedded models have no unread tensors', async () => {
  for (const name of ['chat-lm', 'chat-rm', 'judge-rm', 'encoder']) {
    const { code, unused = [] } = (await inspected(`${root}data/models/${name}`)) as { code: number; unused?: unknown }
    expect([name, code, unused]).toEqual([name, 0, []])
  }
})
