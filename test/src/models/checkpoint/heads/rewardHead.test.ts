import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ModelError, OptionError } from '../../../../../src/core/errors.js'
import type { Expected } from '../../../../../src/models/checkHead.js'
import { readModel } from '../../../../../src/models/loadModel.js'
import { loadModels } from '../../../../../src/models/loadModels.js'

const golden = (path: string) => fileURLToPath(new URL(`../../../../../data/golden/${path}`, import.meta.url))
const reward = (path: string, label?: string) =>
  readModel(path, { head: 'reward', role: 'reward r', ...(label !== undefined && { label }) } satisfies Expected)

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-heads-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** A copy of a golden model with other fields in its config. */
async function changed(name: string, fields: Record<string, unknown>): Promise<string> {
  await cp(golden(name), folder, { recursive: true })
  const file = join(folder, 'config.json')
  await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), ...fields }))
  return folder
}

describe('a classifier with several labels', () => {
  it('is read by a label’s name or index', async () => {
    const read = async (label: string) => (await reward(golden('labels/reward'), label)).reading
    expect(await read('helpful')).toMatchObject({
      kind: 'label',
      label: 'helpful',
      config: { rewardHead: { labels: 3, label: 1 } },
    })
    expect((await read('2'))!.label).toBe('safe')
  })

  it('is refused without one, with a list of its labels', async () => {
    await expect(reward(golden('labels/reward'))).rejects.toThrow(ModelError)
    await expect(reward(golden('labels/reward'))).rejects.toThrow(
      /a label for `reward r`, because .*labels\/reward has 3\. Choose one of `verbose` \(0\), `helpful` \(1\), `safe` \(2\)/,
    )
  })

  it.each(['Helpful', '3', '-1', ''])('is refused with a label that it does not have: %j', async (label) => {
    await expect(reward(golden('labels/reward'), label)).rejects.toThrow(OptionError)
    await expect(reward(golden('labels/reward'), label)).rejects.toThrow(
      `one of \`verbose\` (0), \`helpful\` (1), \`safe\` (2), got \`${label}\``,
    )
  })

  it('adds its label to the hashes of a run, unless it has only one', async () => {
    const load = async (path: string, label: string) => {
      const models = await loadModels({ lm: golden('grouped/lm'), reward: { name: 'r', path: golden(path), label }, threads: 1 })
      await models.close()
      return models.hashes['reward r']
    }
    expect(await load('labels/reward', '0')).toMatchObject({ label: 'verbose' })
    expect(await load('grouped/reward', 'LABEL_0')).not.toHaveProperty('label')
  })
})

describe('a classifier with one label', () => {
  it('needs no choice, and refuses a wrong one', async () => {
    expect((await reward(golden('grouped/reward'))).reading).toMatchObject({
      kind: 'label',
      config: { rewardHead: { labels: 1 } },
    })
    await expect(reward(golden('grouped/reward'), 'helpful')).rejects.toThrow(/to be `LABEL_0`, got `helpful`/)
  })
})

describe('a value head', () => {
  it.each([
    ['value-head/reward', { weight: 'v_head.weight' }],
    ['value-summary/reward', { weight: 'v_head.summary.weight', bias: 'v_head.summary.bias' }],
  ])('is found among the tensors of %s', async (path, head) => {
    const { reading, graph } = await reward(golden(path))
    expect(reading).toMatchObject({ kind: 'value', config: { head: 'reward', rewardHead: head } })
    expect(graph.output).toBe('reward')
    expect(graph.unusedTensors).toEqual(path.startsWith('value-summary') ? ['lm_head.weight'] : [])
  })

  it('is found if config.json names only a body', async () => {
    const path = await changed('value-head/reward', { architectures: ['LlamaModel'] })
    expect((await reward(path)).reading).toMatchObject({ kind: 'value' })
    await expect(readModel(path, { head: 'lm', role: 'lm' })).rejects.toThrow(
      /a language model for `lm`, got a body without a head/,
    )
  })

  it('is no classifier: a label is refused', async () => {
    await expect(reward(golden('value-head/reward'), 'helpful')).rejects.toThrow(/no label for `reward r`.* got `helpful`/)
  })

  it('beside a vocabulary head leaves the model a language model', async () => {
    const { graph } = await readModel(golden('value-summary/reward'), { head: 'lm', role: 'lm' })
    expect(graph.output).toBe('logits')
  })
})

describe('a vocabulary head', () => {
  it('makes a language model a reward', async () => {
    const { reading, graph } = await reward(golden('vocabulary/reward'))
    expect([reading!.kind, graph.output]).toEqual(['vocabulary', 'logits'])
  })

  it('gives a notice, and is refused if the language model has other tokens', async () => {
    const notices: string[] = []
    const models = await loadModels({
      lm: golden('grouped/lm'),
      reward: { name: 'arm', path: golden('vocabulary/reward') },
      threads: 1,
      onNotice: (notice) => notices.push(notice),
    })
    await models.close()
    expect(notices).toEqual([expect.stringMatching(/`arm` is a language model: .*log-probability/)])
    expect(models.rewards[0]).toMatchObject({ name: 'arm', unit: 'logprob' })
  })

  it('is missing in a body without any head', async () => {
    const path = await changed('vocabulary/reward', { architectures: ['LlamaModel'] })
    await expect(reward(path)).rejects.toThrow(/a head in .*, got only a body: none of `v_head.weight`/)
  })
})
