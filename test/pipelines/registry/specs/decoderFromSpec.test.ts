import { lastValueFrom, map, of } from 'rxjs'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { args } from '../../../../pipelines/decoders/args.js'
import { argsStochastic } from '../../../../pipelines/decoders/argsStochastic.js'
import { greedy } from '../../../../pipelines/decoders/greedy.js'
import { nucleus } from '../../../../pipelines/decoders/nucleus.js'
import { topKSampling } from '../../../../pipelines/decoders/topKSampling.js'
import { extendedRegistry } from '../../../../pipelines/registry/extendedRegistry.js'
import { builtIn } from '../../../../pipelines/registry/registry.js'
import { decoderFromSpec } from '../../../../pipelines/registry/specs/decoderFromSpec.js'
import { schedule } from '../../../../pipelines/schedule/schedule.js'
import { OptionError } from '../../../../src/core/errors.js'
import type { LogitsStep } from '../../../../src/core/step.js'
import { fakeLm, fakeModels } from '../../../fakes.js'
import { logitsStep } from '../../../marbles.js'

const models = schedule(fakeModels())

describe('decoderFromSpec', () => {
  it('rebuilds a decoder from its spec', async () => {
    for (const decoder of [args({ k: 4 }), argsStochastic(), greedy(), topKSampling({ k: 5 }), nucleus()]) {
      const { spec, need } = decoder(models)
      const again = decoderFromSpec(JSON.parse(JSON.stringify(spec)))(models)
      expect(again.spec).toEqual(spec)
      expect(again.need).toBe(need)
    }
  })
  it('decodes', async () => {
    const decoder = decoderFromSpec({ name: 'first', steps: [{ topK: { k: 2 } }, { selectGreedy: null }] })(models)
    expect(decoder.spec).toEqual({ name: 'first', steps: [{ topK: { k: 2 } }, { selectGreedy: {} }] })
    expect(await lastValueFrom(of(logitsStep(1, 5, 3)).pipe(decoder))).toMatchObject({ tokenId: 1 })
  })
  it.each<[string, unknown, string, PropertyKey[]]>([
    ['an unknown operator', [{ topQ: {} }], 'Expected an operator, got `topQ` (did you mean `topK`?)', ['steps', 0, 'topQ']],
    [
      'a bad option',
      [{ topK: { k: 0 } }],
      '`topK`: Expected `k` to be an integer >= 1, got `0` (number)',
      ['steps', 0, 'topK', 'k'],
    ],
    [
      'an unknown option',
      [{ topK: { k: 1 } }, { sampleTemperature: { temprature: 1 } }],
      '`sampleTemperature`: Unknown option `temprature` (did you mean `temperature`?); known: temperature, p',
      ['steps', 1, 'sampleTemperature', 'temprature'],
    ],
    [
      'a wrong order',
      [{ topK: { k: 1 } }, { combineScore: { weight: 1 } }],
      '`combineScore` needs `rewards`, which no step before it adds',
      ['steps', 1, 'combineScore'],
    ],
    [
      'topK twice',
      [{ topK: { k: 2 } }, { topK: { k: 1 } }],
      '`topK` needs `logits`, which no step before it adds',
      ['steps', 1, 'topK'],
    ],
    [
      'no choice',
      [{ topK: { k: 2 } }],
      'Expected the last steps to choose a token, such as `selectGreedy`; none does',
      ['steps', 0],
    ],
  ])('refuses %s and says where', (_, steps, message, path) => {
    const refused = () => decoderFromSpec({ steps })
    expect(refused).toThrow(new OptionError(message))
    expect(thrown(refused)).toMatchObject({ path })
  })
  it('lists the operators if no name is similar', () => {
    expect(() => decoderFromSpec({ steps: [{ best: {} }] })).toThrow(/got `best`; known: .*topK, topP, /)
  })
  it.each([[undefined], [{}], [{ steps: [] }], [{ steps: [{ topK: { k: 1 }, topP: { p: 1 } }] }], [{ steps: ['topK'] }]])(
    'refuses %j',
    (spec) => {
      expect(() => decoderFromSpec(spec)).toThrow(OptionError)
    },
  )
  it('refuses an unknown reward', () => {
    const decoder = decoderFromSpec({ steps: [{ topK: { k: 1 } }, { batchReward: { reward: 'kind' } }, { selectGreedy: {} }] })
    expect(() => decoder(models)).toThrow(
      new OptionError('`batchReward`: Expected `reward` to be one of the rewards (fake), got `kind`'),
    )
    expect(() => decoder(schedule(fakeModels(fakeLm(), [])))).toThrow('(none)')
  })
  it('makes custom operators, which need all logits by default', async () => {
    const own = (module: object) => extendedRegistry(builtIn, { operators: module } as Record<string, unknown>, './own.js')
    const only = { about: '', needs: ['logits'], make: () => map((step: LogitsStep) => step) }
    const steps = [{ pass: null }, { topK: { k: 2 } }, { selectGreedy: {} }]
    const decoder = decoderFromSpec({ steps }, own({ pass: only }))(models)
    expect([decoder.need, decoder.spec]).toEqual(['all', { steps: [{ pass: {} }, { topK: { k: 2 } }, { selectGreedy: {} }] }])
    expect(await lastValueFrom(of(logitsStep(1, 5, 3)).pipe(decoder))).toMatchObject({ tokenId: 1 })

    const late = { ...only, needs: ['scores'], options: z.strictObject({ by: z.number() }) }
    const after = [{ topK: { k: 2 } }, { pass: { by: 1 } }, { selectGreedy: {} }]
    expect(decoderFromSpec({ steps: after }, own({ pass: late }))(models).need).toBe(2)
    expect(() => decoderFromSpec({ steps: [{ pass: { by: 1 } }, ...after] }, own({ pass: late }))).toThrow(
      '`pass` needs `scores`',
    )
    const broken = decoderFromSpec({ steps }, own({ pass: { ...only, make: () => undefined } }))
    expect(() => broken(models)).toThrow('`pass`: Expected `make` to return an RxJS operator, got nothing')
  })
})

const thrown = (call: () => unknown): unknown => {
  try {
    return call()
  } catch (error) {
    return error
  }
}
