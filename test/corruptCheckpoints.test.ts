import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Finished, finished, jsonl, lm, reward, rxargs, started } from './src/cli/rxargs.js'
import { configCorruptions } from './src/models/checkpoint/corruptions/configs.js'
import { type Corrupt, changed, weights } from './src/models/checkpoint/corruptions/corrupt.js'
import { tokenizerCorruptions } from './src/models/checkpoint/corruptions/tokenizers.js'
import { weightCorruptions } from './src/models/checkpoint/corruptions/weights.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-corrupt-'))
  await cp(lm, join(folder, 'lm'), { recursive: true })
  await cp(reward, join(folder, 'reward'), { recursive: true })
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const prompt = '{"prompt":"Hi"}\n'
const generate = () => {
  const models = ['--lm', join(folder, 'lm'), '--reward', join(folder, 'reward')]
  return ['generate', '-', ...models, '--max-new-tokens', '2', '-o', join(folder, 'out')]
}
/** The model threads of this process. */
const threads = () => process.getActiveResourcesInfo().filter((name) => /MessagePort|Worker/.test(name)).length
/** All files. A failing model may leave an empty output folder. */
const files = async () => (await readdir(folder, { recursive: true })).filter((name) => name !== 'out').sort()

async function refusal(run: () => Promise<Finished>): Promise<string> {
  const before = await files()
  const { code, stdout, stderr } = await run()
  const last = stderr.trimEnd().split('\n').at(-1)!
  expect(stderr.split('\n').filter((line) => line.startsWith('rxargs: '))).toEqual([last])
  expect(last).not.toMatch(/undefined|not a function|not iterable|call stack|TypeError/)
  expect([code, stdout]).toEqual([1, ''])
  expect(await files()).toEqual(before)
  return last
}

describe('a language model with', () => {
  it.each([...weightCorruptions, ...configCorruptions, ...tokenizerCorruptions])(
    '%s gives one line, and leaves nothing behind',
    async (_, corrupt, message) => {
      await corrupt(join(folder, 'lm'))
      const before = threads()
      expect(await refusal(() => rxargs(generate(), prompt))).toMatch(message)
      expect(threads()).toBe(before)
    },
  )
})

describe('a reward model with', () => {
  it.each<[string, Corrupt, RegExp]>([
    [
      'two labels',
      changed('config.json', () => ({ id2label: { 0: 'bad', 1: 'good' } })),
      /Expected a label for `reward reward`, because .*reward has 2\. Choose one of `bad` \(0\), `good` \(1\)/,
    ],
    [
      'a weight that is not a number',
      weights((header, data) => data.writeFloatLE(Number.NaN, header['score.weight']!.data_offsets[0])),
      /finite weights in tensor `score\.weight` of .*model\.safetensors, got NaN at element 0/,
    ],
  ])('%s gives one line', async (_, corrupt, message) => {
    await corrupt(join(folder, 'reward'))
    expect(await refusal(() => rxargs(generate(), prompt))).toMatch(message)
  })
})

it.each([
  ['when a model is loaded', weightCorruptions[0]!],
  ['at its first result', weightCorruptions.find(([name]) => name.startsWith('a weight that is not'))!],
])('a separate process also ends: %s', async (_, [, corrupt, message]) => {
  await corrupt(join(folder, 'lm'))
  const child = started(generate())
  child.stdin.end(prompt)
  expect(await refusal(() => finished(child))).toMatch(message)
})

describe('a chat template that', () => {
  it.each([
    ['cannot be parsed', '{% if %}', /The chat template of .* cannot be rendered: /],
    [
      'counts too far',
      '{% for i in range(1000000000) %}{% endfor %}',
      /cannot be rendered: range\(\) of 1000000000 numbers, at most 100000/,
    ],
    ['calls what there is not', '{{ messages.nothing() }}', /cannot be rendered: /],
    ['refuses', "{{ raise_exception('No messages here') }}", /refuses the messages: No messages here/],
  ])('%s makes an error row, and plain prompts continue', async (_, template, message) => {
    await changed('tokenizer_config.json', () => ({ chat_template: template }))(join(folder, 'lm'))
    const args = generate().slice(0, -2)
    const input = `{"id":"chat","messages":[{"role":"user","content":"Hi"}]}\n${prompt}`
    const { code, stdout } = await rxargs(args, input)
    const errors = new Map(jsonl(stdout).map(({ id, error }) => [id, error]))
    expect([code, errors.get('stdin:2')]).toEqual([0, null])
    expect(errors.get('chat')).toMatch(message)
    expect(errors.get('chat')).not.toMatch(/\n/)
  })
})
