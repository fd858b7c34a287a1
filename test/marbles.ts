import type { OperatorFunction } from 'rxjs'
import { type RunHelpers, TestScheduler } from 'rxjs/testing'
import { expect } from 'vitest'
import type { Logits } from '../src/core/model.js'
import type { Sequence } from '../src/core/sequence.js'
import type { Candidates, LogitsStep, Rewarded } from '../src/core/step.js'

/** A test in marbles, in virtual time. */
export const marbles = (test: (helpers: RunHelpers) => void) => (): void =>
  new TestScheduler((actual, expected) => expect(actual).toEqual(expected)).run(test)

/** A test that an operator passes on an empty source, a silent source and errors, and unsubscribes from the source. */
export const relays = <S, T>(operator: OperatorFunction<S, T>, step: S, result: T) =>
  marbles(({ cold, expectObservable, expectSubscriptions }) => {
    for (const marble of ['|', '-', '-#']) expectObservable(cold(marble).pipe(operator as never)).toBe(marble)
    const source = cold('-s--s--|', { s: step })
    expectObservable(source.pipe(operator), '^--!').toBe('-r--', { r: result })
    expectSubscriptions(source.subscriptions).toBe('^--!')
  })

export const sequence: Sequence = {
  key: {},
  promptId: 'a',
  sample: 0,
  seed: 0,
  prompt: { text: 'p' },
  promptTokenIds: [1, 2],
  tokenIds: [3],
}

export const logitsStep = (...values: number[]): LogitsStep => ({ sequence, logits: { values: Float32Array.of(...values) } })
export const sparseStep = (logits: Logits): LogitsStep => ({ sequence, logits })

export const candidates = (tokenIds: number[], tokenLogits: number[], scores = tokenLogits): Candidates => ({
  sequence,
  tokenIds: Int32Array.from(tokenIds),
  tokenLogits: Float32Array.from(tokenLogits),
  scores: Float32Array.from(scores),
})

export const rewarded = (step: Candidates, rewards: Record<string, number[]>): Rewarded => ({
  ...step,
  rewards: Object.fromEntries(Object.entries(rewards).map(([name, values]) => [name, Float32Array.from(values)])),
})
