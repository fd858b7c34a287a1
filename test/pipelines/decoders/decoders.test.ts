import { describe, expect, it } from 'vitest'
import { args, argsOptions } from '../../../pipelines/decoders/args.js'
import { argsPruned, argsPrunedOptions } from '../../../pipelines/decoders/argsPruned.js'
import { argsStochastic, argsStochasticOptions } from '../../../pipelines/decoders/argsStochastic.js'
import { contrastive, contrastiveOptions } from '../../../pipelines/decoders/contrastive.js'
import { genarm } from '../../../pipelines/decoders/genarm.js'
import { greedy } from '../../../pipelines/decoders/greedy.js'
import { nucleus, nucleusOptions } from '../../../pipelines/decoders/nucleus.js'
import { rad, radOptions } from '../../../pipelines/decoders/rad.js'
import { topKSampling, topKSamplingOptions } from '../../../pipelines/decoders/topKSampling.js'
import { decoderByName, decoders } from '../../../pipelines/registry/registry.js'
import { generate } from '../../../pipelines/run/generate.js'
import { schedule } from '../../../pipelines/schedule/schedule.js'
import { OptionError } from '../../../src/core/errors.js'
import type { Decoder, DecoderModels } from '../../../src/core/step.js'
import { charCodec, fakeLm, fakeModels, fakeRm, promptsOf, rowsOf, settled } from '../../fakes.js'

const further = { expert: fakeLm(), antiexpert: fakeLm(), amateur: fakeLm() }
const models = schedule({ ...fakeModels(fakeLm(), [{ ...fakeRm(), unit: 'logprob' }]), lms: further })
const withoutReward: DecoderModels = { lm: models.lm, lms: new Map(), rewards: new Map() }
const stepsOf = (decoder: Decoder) => decoder(models).spec!.steps

describe('the decoders', () => {
  it("equal the paper's decoders with its defaults", () => {
    const chosen = [{ topK: { k: 10 } }, { batchReward: { reward: 'fake' } }, { combineScore: { weight: 1.5, reward: 'fake' } }]
    expect(stepsOf(args())).toEqual([...chosen, { selectGreedy: {} }])
    expect(stepsOf(argsStochastic())).toEqual([...chosen, { sampleTemperature: { temperature: 0.7 } }])
    expect(stepsOf(rad())).toEqual([
      ...[{ topK: { k: 20 } }, { batchReward: { reward: 'fake' } }, { boundReward: { reward: 'fake' } }],
      ...[{ combineScore: { weight: 30, reward: 'fake' } }, { sampleTemperature: { temperature: 1 } }],
    ])
    expect(stepsOf(genarm())).toEqual([
      ...[{ topP: { p: 1 } }, { batchReward: { reward: 'fake' } }, { combineScore: { weight: 1, reward: 'fake' } }],
      { sampleTemperature: { temperature: 1 } },
    ])
    expect(stepsOf(greedy())).toEqual([{ topK: { k: 1 } }, { selectGreedy: {} }])
    expect(stepsOf(topKSampling())).toEqual([{ topK: { k: 40 } }, { sampleTemperature: { temperature: 0.7 } }])
    expect(stepsOf(contrastive())).toEqual([
      ...[{ logNormalizer: {} }, { topK: { k: 8 } }, { degenerationPenalty: { lm: 'lm', alpha: 0.6 } }, { selectGreedy: {} }],
    ])
    expect(stepsOf(nucleus())).toEqual([{ temperature: { temperature: 1 } }, { topP: { p: 0.95 } }, { sampleTemperature: {} }])
  })
  it('combine all rewards by their weights', () => {
    const three = schedule(fakeModels(fakeLm(), [fakeRm({ name: 'safe' }), fakeRm({ name: 'short' }), fakeRm({ name: 'kind' })]))
    const combined = (weights: readonly (readonly [string, number])[]) =>
      weights.flatMap(([reward, weight]) => [{ batchReward: { reward } }, { combineScore: { weight, reward } }])
    expect(args({ weight: { short: 0.5, safe: 1 } })(three).spec!.steps).toEqual([
      { topK: { k: 10 } },
      ...combined([
        ['safe', 1],
        ['short', 0.5],
        ['kind', 1.5],
      ]),
      { selectGreedy: {} },
    ])
    expect(argsStochastic({ weight: 2 })(three).spec!.steps.slice(1, -1)).toEqual(
      combined([
        ['safe', 2],
        ['short', 1.5],
        ['kind', 1.5],
      ]),
    )
    expect(argsPruned({ weight: 2 })(three).spec!.steps.slice(1, -1)).toEqual([
      ...combined([
        ['kind', 1.5],
        ['short', 1.5],
      ]),
      { batchRewardPruned: { reward: 'safe', weight: 2, reach: 5, warmUp: 2 } },
      { combineScore: { weight: 2, reward: 'safe' } },
    ])
  })
  it('refuse a weight for an unknown reward', () => {
    const refused = new OptionError('Expected `weight` to name rewards (fake), got `kind`')
    expect(() => args({ weight: { kind: 1 } })(models)).toThrow(refused)
    expect(() => argsPruned({ weight: { kind: 1 } })(models)).toThrow(refused)
    expect(() => decoderByName('args', { weight: { fake: Number.NaN } })).toThrow(
      /Expected `weight` to be a finite number, or finite numbers by reward name, got /,
    )
  })
  it('have the defaults of their schemas', () => {
    expect(stepsOf(args(argsOptions.parse({})))).toEqual(stepsOf(args()))
    expect(stepsOf(argsPruned(argsPrunedOptions.parse({})))).toEqual(stepsOf(argsPruned()))
    expect(stepsOf(argsStochastic(argsStochasticOptions.parse({})))).toEqual(stepsOf(argsStochastic()))
    expect(stepsOf(rad(radOptions.parse({})))).toEqual(stepsOf(rad()))
    expect(stepsOf(topKSampling(topKSamplingOptions.parse({})))).toEqual(stepsOf(topKSampling()))
    expect(stepsOf(nucleus(nucleusOptions.parse({})))).toEqual(stepsOf(nucleus()))
    expect(stepsOf(contrastive(contrastiveOptions.parse({})))).toEqual(stepsOf(contrastive()))
  })
  it('request the logits that they read', () => {
    expect([args({ k: 7 }), greedy(), topKSampling(), nucleus()].map((decoder) => decoder(models).need)).toEqual([
      7,
      1,
      40,
      'all',
    ])
  })
  it('need autoregressive rewards in GenARM, except at weight 0', () => {
    const two = schedule(fakeModels(fakeLm(), [fakeRm({ name: 'safe' }), { ...fakeRm({ name: 'arm' }), unit: 'logprob' }]))
    expect(genarm({ weight: { safe: 0, arm: 2 } })(two).spec!.steps.slice(1, -1)).toEqual([
      { batchReward: { reward: 'arm' } },
      { combineScore: { weight: 2, reward: 'arm' } },
    ])
    expect(() => genarm()(two)).toThrow(
      new OptionError('Expected reward `safe` to be autoregressive (a language model) or to have weight 0; it has another head'),
    )
  })
  it('refuse to run without a reward', () => {
    expect(() => args()(withoutReward)).toThrow(/Expected `reward` to be a reward .*, got nothing/)
    expect(() => argsStochastic()(withoutReward)).toThrow(OptionError)
    expect(() => greedy()(withoutReward)).not.toThrow()
  })
})

describe('contrastive search', () => {
  it('refuses a model without hidden states', async () => {
    const { hiddenStates: _, ...given } = fakeLm()
    const lm = { ...given, capabilities: { ...given.capabilities, hiddenStates: false } }
    const refused =
      'Expected language model `lm` to return hidden states, which contrastive search compares; it returns only logits'
    expect(() => contrastive()(schedule(fakeModels(lm)))).toThrow(new OptionError(refused))
    expect(() => generate(promptsOf(['One']), contrastive(), fakeModels(lm))).toThrow(new OptionError(refused))
  })
  it("frees the model's caches, and gives the same result in any batch", async () => {
    const lm = fakeLm()
    const rowsAt = async (concurrency: number) =>
      settled(
        await rowsOf(
          generate(promptsOf(['One', 'Two', 'Three']), contrastive(), fakeModels(lm), { maxNewTokens: 9, concurrency }),
        ),
      )
    const alone = await rowsAt(1)
    expect(await rowsAt(3)).toEqual(alone)
    expect(lm.held.size).toBe(0)
  })
})

describe('decoders of several language models', () => {
  it('combine the named models, and name a missing one', () => {
    const combined = ['dexperts', 'contrastive-decoding', 'cfg'].map((name) =>
      stepsOf(decoderByName(name)).flatMap(({ combineLogits }) => (combineLogits ? [combineLogits] : [])),
    )
    expect(combined).toEqual([
      [
        { lm: 'expert', factor: 2 },
        { lm: 'antiexpert', factor: -2 },
      ],
      [{ lm: 'amateur', factor: -1 }],
      [{ lm: 'lm', prompt: '', own: 1.5, factor: -0.5 }],
    ])
    const lone = schedule(fakeModels())
    expect(() => decoderByName('dexperts')(lone)).toThrow(
      new OptionError(
        'Expected a further language model named `expert`, found none; give it by `--other-lm expert=FOLDER`, or `lms` of `loadModels`',
      ),
    )
    const other = { expert: fakeLm({ codec: charCodec('other') }) }
    expect(() => schedule({ ...fakeModels(), lms: other })).toThrow('Expected language model `expert` to have the tokenizer')
  })
  it('free the caches of each model', async () => {
    const [lm, expert, antiexpert] = [fakeLm(), fakeLm(), fakeLm()]
    const all = { ...fakeModels(lm), lms: { expert, antiexpert } }
    for (const name of ['dexperts', 'cfg']) {
      const rows = await rowsOf(generate(promptsOf(['One', 'Two']), decoderByName(name), all, { maxNewTokens: 3 }))
      expect(rows.map(({ error }) => error)).toEqual([null, null])
    }
    expect([lm, expert, antiexpert].map(({ held }) => held.size)).toEqual([0, 0, 0])
    expect(expert.batches.length).toBeGreaterThan(0)
  })
})

describe('decoderByName', () => {
  it('makes each decoder of the command line', () => {
    expect(Object.keys(decoders)).toEqual([
      'args',
      'args-pruned',
      'args-stochastic',
      'rad',
      'genarm',
      'greedy',
      'top-k',
      'nucleus',
      'contrastive',
      'dexperts',
      'contrastive-decoding',
      'cfg',
    ])
    for (const name of Object.keys(decoders)) expect(decoderByName(name)(models).spec!.steps.length).toBeGreaterThan(1)
    expect(stepsOf(decoderByName('args', { k: 3, weight: undefined }))).toEqual(stepsOf(args({ k: 3 })))
    expect(stepsOf(decoderByName('nucleus', { p: 0.5, temperature: 2 }))).toEqual(stepsOf(nucleus({ p: 0.5, temperature: 2 })))
  })
  it('names an option that the decoder does not have', () => {
    expect(() => decoderByName('greedy', { k: 3 })).toThrow(
      new OptionError('Decoder `greedy` takes no option `k`; it takes none'),
    )
    expect(() => decoderByName('args', { temperature: 1 })).toThrow(
      new OptionError('Decoder `args` takes no option `temperature`; it takes k, weight'),
    )
    expect(() => decoderByName('args', { k: 0 })).toThrow(new OptionError('Expected `k` to be an integer >= 1, got `0` (number)'))
  })
  it.each(['best', 'constructor'])('refuses the name %s', (name) => {
    expect(() => decoderByName(name)).toThrow(
      new OptionError(
        `Expected \`decoder\` to be one of args, args-pruned, args-stochastic, rad, genarm, greedy, top-k, nucleus, contrastive, dexperts, contrastive-decoding, cfg, got \`${name}\``,
      ),
    )
  })
})
