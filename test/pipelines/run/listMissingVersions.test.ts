import { join } from 'node:path'
import { map, pipe } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { selectGreedy } from '../../../operators/selectGreedy.js'
import { topK } from '../../../operators/topK.js'
import { args } from '../../../pipelines/decoders/args.js'
import { greedy } from '../../../pipelines/decoders/greedy.js'
import { steps } from '../../../pipelines/decoding/steps.js'
import { score } from '../../../pipelines/evaluation/score.js'
import { extendedRegistry } from '../../../pipelines/registry/extendedRegistry.js'
import { builtIn } from '../../../pipelines/registry/registry.js'
import { lengthReward } from '../../../pipelines/rewards/lengthReward.js'
import { textReward } from '../../../pipelines/rewards/textReward.js'
import { generate } from '../../../pipelines/run/generate.js'
import { described } from '../../../src/core/described.js'
import type { RewardSource } from '../../../src/core/rewardSource.js'
import type { Models, Run } from '../../../src/core/run.js'
import type { Candidates, Decoder } from '../../../src/core/step.js'
import { toParquet } from '../../../src/io/toParquet.js'
import { fakeModels, promptsOf } from '../../fakes.js'
import { tempFolder } from '../../tempFolder.js'

let folder: string
tempFolder((path) => {
  folder = join(path, 'out')
})

const hashes = { lm: { path: 'lm', sha256: 'aa' } }
const models = (...rewards: readonly RewardSource[]): Models => ({ ...fakeModels(), hashes, rewards })
const made = (decoder: Decoder, over: Models = models(), options = {}): Run =>
  generate(promptsOf(['a', 'b']), decoder, over, { maxNewTokens: 2, ...options })

/** The best candidate is the last one by `sign` -1. */
const signed = (sign: number) => map((step: Candidates) => ({ ...step, scores: step.scores.map((each) => sign * each) }))
const named = (sign: number, version?: number): Decoder => {
  const operator = signed(sign)
  return () =>
    steps(
      topK({ k: 3 }),
      version === undefined ? operator : described({ name: 'signed', options: { version } }, operator),
      selectGreedy(),
    )
}
const brief = (sign: number, version?: number | string) =>
  textReward('brief', (text) => sign * text.length, version === undefined ? {} : { version })
const texts = async function* () {
  yield { id: 'a', content: { text: 'a' }, completion: 'b' }
}

type Made = (sign: number, version?: number) => Run
const kinds: readonly (readonly [string, Made, RegExp])[] = [
  [
    'an operator inside steps',
    (sign, version) => made(named(sign, version)),
    /the same ones: step 2 of the decoder \(it gets a name and a version by steps\(described/,
  ],
  [
    'a decoder that is a bare pipe',
    (sign, version) =>
      made(() => {
        const bare = pipe(topK({ k: 3 }), signed(sign), selectGreedy())
        return version === undefined ? bare : steps(described({ name: 'bare', options: { version } }, bare))
      }),
    /the same ones: the decoder \(it gets a name and a version by/,
  ],
  [
    'a textReward',
    (sign, version) => made(args(), models(brief(sign, version))),
    /the same ones: reward `brief` \(a version is its option: textReward\(name, score, \{ version \}\)/,
  ],
  [
    'a textReward that scores',
    (sign, version) => score(texts(), { reward: brief(sign, version), hashes: {} }),
    /the same ones: reward `brief` \(a version/,
  ],
]

describe.each(kinds)('%s', (_, run, message) => {
  it('without a version runs, but does not resume', async () => {
    expect(await toParquet(folder, run(1))).toMatchObject({ errors: 0 })
    await expect(toParquet(folder, run(-1))).rejects.toThrow(message)
    await expect(toParquet(folder, run(1))).rejects.toThrow(message)
    expect((await toParquet(folder, run(-1), { force: true })).written).toBeGreaterThan(0)
  })

  it('with a version resumes while the version is the same', async () => {
    const { written } = await toParquet(folder, run(1, 1))
    expect(await toParquet(folder, run(1, 1))).toMatchObject({ written: 0, skipped: written })
    await expect(toParquet(folder, run(-1, 2))).rejects.toThrow(/`[\w.[\]]+version` 1, but this run has 2/)
  })

  it('with a new version differs from one without', async () => {
    await toParquet(folder, run(1))
    await expect(toParquet(folder, run(1, 1))).rejects.toThrow(/holds rows made with/)
  })
})

describe('what a run cannot say of itself', () => {
  const registry = extendedRegistry(builtIn, { decoders: { mine: { make: () => greedy() } } }, './mine.js')

  it.each<[string, Run, readonly string[] | undefined]>([
    ['is nothing of what comes with the package', made(args(), models(lengthReward('short', { target: 5 }))), undefined],
    [
      'is a language model without a hash',
      made(greedy(), { ...models(), hashes: {} }),
      ["the model `lm` (its hash goes into models.hashes['lm'])"],
    ],
    [
      'is a function among the options of an operator',
      made(() => steps(topK({ k: 3 }), described({ name: 'own', options: { by: { f: () => 1 } } }, signed(1)), selectGreedy())),
      ['`own.by.f` in step 2 of the decoder (a function is no data)'],
    ],
    [
      'is a function in the option spec',
      made(greedy(), models(), { spec: { how: () => 1 } }),
      ['`spec.how` (a function is no data)'],
    ],
    [
      'are modules of a registry without a version',
      made(greedy(), models(), { registry }),
      ["the operators and decoders of ./mine.js (their version goes into the option spec: { use: { './mine.js': version } })"],
    ],
    ['are none of those with one', made(greedy(), models(), { registry, spec: { use: { './mine.js': 'abc' } } }), undefined],
  ])('%s', (_, { meta }, expected) => expect(meta.missingVersions).toEqual(expected))

  it('has the options of a scoring function', () => {
    const { meta } = score(texts(), { reward: lengthReward('short', { target: 5 }), hashes: {} })
    expect(meta).toMatchObject({ spec: { score: 'short', rewardFunctions: { short: { length: { target: 5 } } } } })
    expect(meta.missingVersions).toBeUndefined()
  })

  it.each(['', Number.NaN, {}])('refuses the version %j', (version) => {
    expect(() => brief(1, version as string)).toThrow(/Expected `version` to be text or a number/)
  })
})
