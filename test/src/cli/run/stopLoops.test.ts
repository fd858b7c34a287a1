import { expect, it } from 'vitest'
import { batchTextReward, textReward } from '../../../../pipelines/rewards/textReward.js'
import { stopLoops } from '../../../../src/cli/run/stopLoops.js'
import type { TextReward } from '../../../../src/core/rewardSource.js'

const call = async (reward: TextReward) => stopLoops(reward).scoreTexts(['a'], new AbortController().signal, [])
const loop = () => {
  for (;;);
}

it.each<[string, TextReward]>([
  ['a function', textReward('mine', loop, { timeoutMs: 50 })],
  ['an asynchronous function', textReward('mine', async () => loop(), { timeoutMs: 50 })],
  ['a function of all texts', batchTextReward('mine', loop, { timeoutMs: 50 })],
])('stops %s in an endless loop', (_, reward) =>
  expect(call(reward)).rejects.toEqual(new Error('the call did not return within 50 ms')),
)

it('passes results and errors on', async () => {
  expect(await call(textReward('mine', (text) => text.length))).toEqual([1])
  const error = new TypeError('no')
  await expect(
    call(
      batchTextReward('mine', () => {
        throw error
      }),
    ),
  ).rejects.toBe(error)
})
