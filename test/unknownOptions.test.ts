import { describe, expect, it } from 'vitest'
import * as rxargs from '../src/index.js'

const factories = rxargs as unknown as Readonly<Record<string, (...given: unknown[]) => unknown>>
const decoders =
  'args argsPruned argsStochastic classifierFreeGuidance contrastive contrastiveDecoding dexperts genarm greedy nucleus rad topKSampling'
const searches = 'beam bestOfN blockBestOfN cards rollout'
const operators = Object.keys(rxargs.builtIn.operators).join(' ')
const rewards = 'ensembleReward jsonReward lengthReward regexReward repetitionReward textReward batchTextReward wordsReward'
const names = (list: string): string[] => list.split(' ')

/** How each function takes options, if not as its only argument. */
const before: Readonly<Record<string, readonly unknown[]>> = {
  ...Object.fromEntries(names(rewards).map((name) => [name, ['mine']])),
  textReward: ['mine', () => 1],
  batchTextReward: ['mine', () => [1]],
  generate: [[], rxargs.args(), {}],
  score: [[], {}],
  toParquet: ['nowhere', { deliveries: () => undefined }],
  fromFile: ['nowhere.jsonl'],
  readReplies: ['nowhere'],
  evaluate: [[]],
  timed: [rxargs.args()],
  schedule: [{}],
  batchCalls: [() => []],
}
const others = [...Object.keys(before).filter((name) => !names(rewards).includes(name)), 'loadModels', 'trace', 'finish']
const all = [decoders, searches, operators, rewards].flatMap(names).concat(others)

/** What a call says, whether it throws or rejects. */
async function said(name: string, options: unknown): Promise<unknown> {
  try {
    return await factories[name]!(...(before[name] ?? []), options)
  } catch (error) {
    return error
  }
}

describe('a public function', () => {
  it.each(all)('%s refuses an option that it does not know', async (name) => {
    expect(await said(name, { zzz: 1 })).toMatchObject({
      name: 'OptionError',
      message: expect.stringMatching(/^Unknown option `zzz` of `\w+`; known: /),
    })
  })
  it.each(all)('%s refuses options that are no object', async (name) => {
    expect(await said(name, null)).toMatchObject({
      name: 'OptionError',
      message: expect.stringMatching(/^Expected .* an object, got `null` \(null\)$/),
    })
  })
  it('suggests the option that was meant', () => {
    expect(() => rxargs.args({ K: 1 } as never)).toThrow('Unknown option `K` of `args` (did you mean `k`?); known: k, weight')
    expect(() => rxargs.beam({ beam: 1 } as never)).toThrow('(did you mean `beams`?)')
  })
  it.each(names(`${decoders} ${searches}`))('%s that is not called is refused where its decoder belongs', (name) => {
    const models = { lm: {}, lms: new Map(), rewards: new Map() }
    expect(() => factories[name]!(models)).toThrow(
      `Expected \`${name}\` to be called, such as ${name}(), got the function itself`,
    )
  })
  it.each([
    ['toParquet', [null, { deliveries: () => undefined }], '`folder` to be the path of a folder, got `null` (null)'],
    ['toParquet', ['out', null], '`run` to be a run, such as generate(…) returns, got `null` (null)'],
    ['fromFile', [undefined], '`path` to be the path of a file or folder, got nothing'],
    ['readRows', [{}], '`path` to be the path of a file or folder, got `{}` (object)'],
    ['textReward', ['mine', 'short'], '`score` to be a function, got `short` (string)'],
    ['timed', [undefined, {}], '`decoder` to be a decoder, such as args(), got nothing'],
    ['evaluate', ['runs'], '`runs` to be a list of runs, each with `name` and `replies`, got `runs` (string)'],
  ])('%s%j names the argument that is wrong', async (name, given, message) => {
    const called = async () => factories[name]!(...given)
    await expect(called()).rejects.toMatchObject({ name: 'OptionError', message: `Expected ${message}` })
  })
})
