import { firstValueFrom } from 'rxjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { args } from '../../../pipelines/decoders/args.js'
import { batchTextReward } from '../../../pipelines/rewards/textReward.js'
import { textScorer } from '../../../pipelines/rewards/textScorer.js'
import { generate } from '../../../pipelines/run/generate.js'
import type { BatchedRewardModel } from '../../../src/core/batched.js'
import type { Models } from '../../../src/core/run.js'
import { loadModels } from '../../../src/models/loadModels.js'
import { promptsOf, rowsOf } from '../../fakes.js'
import { jsonl, lm, reward, rxargs } from '../cli/rxargs.js'
import { type Served, serve } from './served.js'

let models: Models
let served: Served
beforeAll(async () => {
  models = await loadModels({ lm, reward: { name: 'rm', path: reward } })
  served = await serve(models)
})
afterAll(() => served.close())

const prompts = ['Say', 'One two', 'Say it again']
const input = prompts.map((prompt, at) => JSON.stringify({ id: `p${at + 1}`, prompt })).join('\n')
const decode = (...args: string[]) => rxargs(['generate', '-', '--max-new-tokens', '8', ...args], input)
const remoteLm = () => ['--lm', `${served.url}/v1`, '--lm-model', 'tiny', '--lm-tokenizer', lm]
const remoteReward = () => ['--reward', `rm=${served.url}/classify`]

type Row = Readonly<{ id: string; token_ids: number[]; reward: number }>
const rowsIn = (stdout: string) => (jsonl(stdout) as unknown as Row[]).sort((a, b) => (a.id < b.id ? -1 : 1))

/** Decodes here, with the reward model reading texts, as a server's reward does. */
async function hereOverText(): Promise<Row[]> {
  const scorer = textScorer(models.rewards[0] as BatchedRewardModel)
  const rm = batchTextReward('rm', (texts) => Promise.all(texts.map((text) => firstValueFrom(scorer('', text, 'once')))))
  const run = generate(promptsOf(prompts), args(), { ...models, rewards: [rm] }, { maxNewTokens: 8 })
  const rows = await rowsOf(run)
  return rows
    .map(({ id, tokenIds, reward }) => ({ id, token_ids: [...tokenIds!], reward: reward! }))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}

function expectSame(there: readonly Row[], here: readonly Row[]): void {
  expect(there.map(({ token_ids }) => token_ids)).toEqual(here.map(({ token_ids }) => token_ids))
  for (const [at, { reward }] of here.entries()) expect(there[at]!.reward).toBeCloseTo(reward, 4)
}

describe('one rxargs serves another', () => {
  it('its language model: the tokens are those of models in one process', async () => {
    const flags = ['--reward', `rm=${reward}`]
    const [here, there] = [await decode('--lm', lm, ...flags), await decode(...remoteLm(), ...flags)]
    expect([here.code, there.code]).toEqual([0, 0])
    expectSame(rowsIn(there.stdout), rowsIn(here.stdout))
  })

  it.each([
    ['its reward', () => ['--lm', lm, ...remoteReward()]],
    ['both', () => [...remoteLm(), ...remoteReward()]],
  ])('%s: the tokens are those of a reward that reads texts here', async (_, flags) => {
    const { code, stdout } = await decode(...flags())
    expect(code).toBe(0)
    expectSame(rowsIn(stdout), await hereOverText())
  })

  it('passes what it scores through a sigmoid, unless asked for the number itself', async () => {
    type Classes = Readonly<{ data: readonly Readonly<{ probs: readonly [number]; num_classes: number }>[] }>
    const plain = await served.answer<Classes>('/classify', { input: 'Say it', use_activation: false })
    const activated = await served.answer<Classes>('/v1/classify', { model: 'rm', input: ['Say it'] })
    const [value] = plain.data[0]!.probs
    expect(activated.data[0]!.probs[0]).toBeCloseTo(1 / (1 + Math.exp(-value)), 6)
  })

  it('scores each completion after its prompt as rxargs score does', async () => {
    const texts = [' two', ' three']
    const scored = await rxargs(
      ['score', '-', '--reward', `rm=${reward}`],
      texts.map((completion) => JSON.stringify({ prompt: 'One', completion })).join('\n'),
    )
    type Scores = Readonly<{ data: readonly Readonly<{ score: number }>[] }>
    const { data } = await served.answer<Scores>('/v1/score', { text_1: 'One', text_2: texts })
    expect(data.map(({ score }) => score)).toEqual(jsonl(scored.stdout).map((row) => row.reward))
  })
})
