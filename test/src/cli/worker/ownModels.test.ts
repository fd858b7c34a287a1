import { describe, expect, it } from 'vitest'
import { describeOtherModel, withOwnModels } from '../../../../src/cli/worker/ownModels.js'
import type { Source } from '../../../../src/core/rewardSource.js'
import { rxargs } from '../rxargs.js'

const file = (sha256: string): Source => ({ path: `/there/${sha256}`, sha256 })
const models = {
  lm: file('a'),
  'lm expert': file('b'),
  'reward safe': file('c'),
  'reward rm': file('d'),
  'reward far': { path: 'http://127.0.0.1:9' },
}
const run = (...args: string[]) => ({ id: 'run', args, meta: { version: '0', spec: {}, seed: 0, models } })

describe('withOwnModels', () => {
  it.each([
    ['no flag', [], {}, []],
    ['the default language model', ['--k=3'], { lm: '/mine' }, ['--k=3', '--lm=/mine']],
    ['a language model', ['--lm=/there/lm', '--trace'], { lm: '/mine' }, ['--trace', '--lm=/mine']],
    [
      'an adapter and its base',
      ['--lm=/there/lm', '--lm-adapter=/there/ad', '--base=/there/base'],
      { lmAdapter: '/my/ad', base: '/my/base' },
      ['--lm=/there/lm', '--lm-adapter=/my/ad', '--base=/my/base'],
    ],
    [
      'a further language model',
      ['--other-lm=expert=/there/e', '--other-lm=amateur=/there/a'],
      { otherLm: [{ name: 'expert', path: '/mine' }] },
      ['--other-lm=expert=/mine', '--other-lm=amateur=/there/a'],
    ],
    [
      'rewards in their places, with the label of one',
      ['--reward=safe=/there/s', '--reward=/there/rm', '--reward=length(target=3)', '--reward-label=safe=2'],
      {
        reward: [
          { name: 'rm', path: '/my/rm' },
          { name: 'safe', path: '/my/s' },
        ],
      },
      ['--reward=safe=/my/s', '--reward=rm=/my/rm', '--reward=length(target=3)', '--reward-label=safe=2'],
    ],
    ['the default reward', [], { reward: [{ name: 'rm', path: '/mine' }] }, ['--reward=rm=/mine']],
  ] as const)('puts the paths of a worker in place of those of the run: %s', (_, args, own, expected) =>
    expect(withOwnModels(run(...args), own)).toEqual(expected),
  )

  it.each([
    ['a reward that the run lacks', { reward: [{ name: 'kind', path: '/mine' }] }, '--reward kind'],
    ['a reward that is a server', { reward: [{ name: 'far', path: '/mine' }] }, '--reward far'],
    ['a language model that the run lacks', { otherLm: [{ name: 'amateur', path: '/mine' }] }, '--other-lm amateur'],
  ])('refuses %s', (_, own, flag) =>
    expect(() => withOwnModels(run(), own)).toThrow(
      `\`${flag}\` of this worker is no model of the run run, whose files are those of: lm, lm expert, reward safe, reward rm`,
    ),
  )
})

describe('describeOtherModel', () => {
  it('names the first model with other files, and both paths and hashes', () =>
    expect(describeOtherModel(models, { ...models, 'reward rm': { path: '/mine', sha256: 'x' } })).toBe(
      'its `reward rm`, /mine, is another model than that of the run, /there/d (SHA-256 x, not d)',
    ))

  it('accepts the same files at another path', () =>
    expect(describeOtherModel(models, { ...models, lm: { path: '/mine', sha256: 'a' } })).toBeUndefined())
})

describe('rxargs worker', () => {
  it.each([
    ['a server as language model', ['--lm', 'http://me:secret@127.0.0.1:9/v1'], /`--lm` of a worker .*a server has no hash/],
    ['a server as reward', ['--reward', 'far=http://127.0.0.1:9'], /`--reward` of a worker .*a server has no hash/],
    ['a function as reward', ['--reward', 'length(target=3)'], /`--reward` of a worker .*got the function/],
    ['a further model without a name', ['--other-lm', '/mine'], /`--other-lm` to be NAME=PATH/],
    ['one reward twice', ['--reward', 'a=/x', '--reward', 'a=/y'], /`--reward` to have a name of its own, got `a` twice/],
  ])('refuses %s', async (_, flags, message) => {
    const { code, stderr } = await rxargs(['worker', '--queue', 'redis://127.0.0.1:9', ...flags])
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringMatching(message) })
    expect(stderr).not.toContain('secret')
  })
})

it('`generate` refuses a further language model that is named twice', async () =>
  expect(await rxargs(['generate', '-', '--other-lm', 'a=/x', '--other-lm', 'a=/y'], '{"prompt":"a"}\n')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('`--other-lm` to have a name of its own, got `a` twice'),
  }))
