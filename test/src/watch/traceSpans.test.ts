import { describe, expect, it } from 'vitest'
import type { CallReport } from '../../../src/core/observe/observer.js'
import { type TraceSpan, traceSpans } from '../../../src/watch/traceSpans.js'

const call = (model: string, [askedAt, startedAt, endedAt]: readonly [number, number, number], promptTokens = 0): CallReport => ({
  ...{ key: { id: 'a', sample: 0 }, model, kind: model === 'lm' ? 'logits' : 'rewards', promptTokens },
  ...{ askedAt, startedAt, endedAt },
})

/** A span as text: name, times, and its children. */
const textOf = ({ name, startedAt, endedAt, children = [] }: TraceSpan): string =>
  `${name} ${startedAt}-${endedAt}${children.length > 0 ? ` (${children.map(textOf).join(', ')})` : ''}`

const prompt = { startedAt: 1, endedAt: 2, promptTokens: 70 }

describe('traceSpans', () => {
  it('arranges the calls of a reply as prefill, steps and final reward', () => {
    const spans = traceSpans({
      ...{ startedAt: 0, prompt, tokensAt: [20, 30], isWhole: true },
      calls: [
        ...[call('lm', [2, 3, 5], 64), call('lm', [5, 6, 8], 6), call('rm', [8, 8, 12], 70), call('lm', [20, 21, 24])],
        ...[call('rm', [24, 25, 29]), call('rm', [30, 31, 33])],
      ],
      texts: [
        { startedAt: 19, endedAt: 20 },
        { startedAt: 29, endedAt: 30 },
      ],
    })
    expect(spans.map(textOf)).toEqual([
      'tokenize 1-2',
      'prefill 2-8 (wait 2-3, lm 3-5, wait 5-6, lm 6-8)',
      'step 8-20 (reward rm 8-12, detokenize 19-20)',
      'step 20-30 (wait 20-21, lm 21-24, wait 24-25, reward rm 25-29, detokenize 29-30)',
      'final reward 30-33 (wait 30-31, reward rm 31-33)',
    ])
    expect(spans.map(({ attributes }) => attributes?.['rxargs.tokens'])).toEqual([undefined, undefined, 1, 1, undefined])
  })

  it('makes one step of the tokens that a search emits together', () => {
    const spans = traceSpans({
      ...{ startedAt: 0, prompt, texts: [], tokensAt: [20, 20, 20], isWhole: true },
      calls: [call('lm', [2, 2, 5], 70), call('lm', [6, 6, 9]), call('lm', [6, 9, 12])],
    })
    expect(spans.map(textOf)).toEqual(['tokenize 1-2', 'prefill 2-5 (lm 2-5)', 'step 5-20 (lm 6-9, wait 6-9, lm 9-12)'])
    expect(spans.at(-1)?.attributes).toEqual({ 'rxargs.tokens': 3 })
  })

  it('ends with an unfinished step if the reply has no end', () => {
    const calls = [call('lm', [2, 2, 5], 70), call('rm', [5, 6, 8])]
    const spans = traceSpans({ startedAt: 0, prompt, calls, texts: [], tokensAt: [], isWhole: false })
    expect(spans.map(textOf)).toEqual(['tokenize 1-2', 'prefill 2-5 (lm 2-5)', 'step 5-8 (wait 5-6, reward rm 6-8)'])
  })

  it('has no spans for a prompt that could not be read', () => {
    expect(traceSpans({ startedAt: 0, calls: [], texts: [], tokensAt: [], isWhole: false })).toEqual([])
  })
})
