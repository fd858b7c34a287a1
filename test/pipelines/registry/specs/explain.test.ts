import { map } from 'rxjs'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { extendedRegistry } from '../../../../pipelines/registry/extendedRegistry.js'
import { builtIn, decoderByName, decoders } from '../../../../pipelines/registry/registry.js'
import { checkedSteps, decoderFromSpec } from '../../../../pipelines/registry/specs/decoderFromSpec.js'
import { explain } from '../../../../pipelines/registry/specs/explain.js'
import { pipelineFromText } from '../../../../pipelines/registry/specs/pipelineFromText.js'
import { specOf } from '../../../../pipelines/registry/specs/specOf.js'
import { typeScriptOf } from '../../../../pipelines/registry/specs/typeScriptOf.js'
import { schedule } from '../../../../pipelines/schedule/schedule.js'
import * as rxargs from '../../../../src/index.js'
import { fakeLm, fakeModels, fakeRm } from '../../../fakes.js'

const models = schedule(fakeModels(undefined, [fakeRm({ name: 'safe' }), fakeRm({ name: 'short' })]))

/** The exports of the module, run as JavaScript without its types. */
const evaluated = (typeScript: string): rxargs.Decoder => {
  const [, imports, body] = typeScript.match(
    /^import \{ type Decoder, (.*) \} from 'rxargs'\n\nexport const \w+: Decoder = ([\s\S]*)$/,
  )!
  return new Function('rxargs', `const { ${imports} } = rxargs\nreturn ${body}`)(rxargs) as rxargs.Decoder
}

/** There is one reward, so its name makes no difference. */
const unnamed = (spec: rxargs.DecoderSpec | undefined) =>
  spec!.steps.map((step) =>
    Object.entries(step).map(([name, options]) => [
      name,
      { ...(options as object), reward: undefined, ...((options as { lm?: string }).lm === 'lm' && { lm: undefined }) },
    ]),
  )

describe('explain', () => {
  it('shows steps, data flow, needs and TypeScript', () => {
    expect(explain({ name: 'args', about: 'of the paper', ...specOf(decoderByName('args', { k: 5 })) })).toBe(`args: of the paper

  steps:
    - topK: { k: 5 }
    - batchReward: {}
    - combineScore: { weight: 1.5 }
    - selectGreedy: {}

What flows:

                  sequence, logits Float32[V]
  topK          + tokenIds Int32[5], + tokenLogits Float32[5], + scores Float32[5], − logits
  batchReward   + rewards Float32 by name, one a candidate
  combineScore  ~ scores
  selectGreedy  + index number, + tokenId number

Needs: the logits of the 5 likeliest tokens, a reward

In TypeScript:

  import { type Decoder, batchReward, combineScore, selectGreedy, steps, topK } from 'rxargs'

  export const args: Decoder = ({ reward }) => steps(
    topK({ k: 5 }),
    batchReward({ reward }),
    combineScore({ weight: 1.5 }),
    selectGreedy(),
  )`)
  })

  it.each(Object.keys(decoders))('shows steps of %s that rebuild the decoder, as YAML and as code', (name) => {
    const decoder = decoderByName(name)
    const { spec, need } = specOf(decoder)
    const text = explain({ name, spec, need })
    const yaml = text.match(/^ {2}steps:\n(?: {4}.*\n)+/m)![0].replace(/^ {2}/gm, '')
    // GenARM accepts autoregressive rewards only, the others any.
    const lms = { expert: fakeLm(), antiexpert: fakeLm(), amateur: fakeLm() }
    const all = schedule({ ...fakeModels(undefined, [{ ...fakeRm(), unit: 'logprob' }]), lms })
    const again = decoderFromSpec(pipelineFromText(yaml, name))(all)
    const original = decoder(all)
    expect([unnamed(again.spec), again.need]).toEqual([unnamed(original.spec), original.need])
    const code = evaluated(typeScriptOf(name, checkedSteps(spec)))
    expect(unnamed(code(all).spec)).toEqual(unnamed(original.spec))
  })

  it('lists the needed rewards', () => {
    const steps = [
      { topK: { k: 1 } },
      { batchReward: { reward: 'safe' } },
      { batchReward: { reward: 'short' } },
      { combineScore: { reward: 'safe', weight: 1 } },
      { selectGreedy: {} },
    ]
    const { spec, need } = specOf(decoderFromSpec({ steps }))
    expect(explain({ name: 'two', spec, need })).toContain(
      'Needs: the logits of the likeliest token, the reward `safe`, the reward `short`\n',
    )
    expect(evaluated(typeScriptOf('two', checkedSteps(spec)))(models).spec).toEqual(decoderFromSpec({ steps })(models).spec)
  })

  it('shows custom operators under their module', () => {
    const boost = {
      options: z.strictObject({ words: z.array(z.string()), by: z.number() }),
      needs: ['scores'],
      adds: { boosted: 'boolean[k]' },
      changes: ['scores'],
      make: () => map((step: unknown) => step),
    }
    const registry = extendedRegistry(builtIn, { operators: { boost } }, './own.js')
    const steps = [{ topK: { k: 3 } }, { boost: { words: ["it's"], by: 1 } }, { batchReward: {} }, { selectGreedy: {} }]
    const { spec, need } = specOf(decoderFromSpec({ steps }, registry))
    const text = explain({ name: 'my-own', spec, need, registry })
    expect(text).toContain('boost         + boosted boolean[k], ~ scores')
    expect(text).toContain(`
  import { type Decoder, batchReward, selectGreedy, steps, topK } from 'rxargs'
  import { operators } from './own.js'

  export const myOwn: Decoder = (models) => steps(
    topK({ k: 3 }),
    operators.boost.make({ words: ['it\\'s'], by: 1 }, models),
    batchReward({ reward: models.reward }),
    selectGreedy(),
  )`)
  })
})
