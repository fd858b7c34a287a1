import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadModels } from '../../../src/models/loadModels.js'
import { tempFolder } from '../../tempFolder.js'
import { lm, reward, rxargs } from './rxargs.js'

/** Nothing listens there. */
const address = 'http://127.0.0.1:9'
const server = ['--lm', `${address}/v1`, '--lm-model', 'm', '--lm-tokenizer', lm]
const elsewhere = [...server, '--reward', `r=${address}/`]
const lines = ['{"prompt":"a","completion":"b"}', '{"prompt":"c","completion":"d"}'].join('\n')

const flags: readonly (readonly [string[], string])[] = [
  [['--device', 'webgpu'], '`device` webgpu'],
  [['--device', 'auto'], '`device` auto'],
  [['--dtype', 'fp16'], '`dtype` fp16'],
  [['--no-cache'], '`cache` false'],
]
const refusal = (setting: string) =>
  `Expected a language model or a reward model that runs on this machine beside ${setting}, got none\n`

let folder: string
tempFolder((path) => {
  folder = path
})
async function prompts(): Promise<string> {
  const path = join(folder, 'prompts.jsonl')
  await writeFile(path, lines)
  return path
}

describe('settings of models that run here, where none does', () => {
  const verbs: readonly (readonly [string, (path: string) => readonly string[]])[] = [
    ['generate', (path) => [path, ...elsewhere]],
    ['generate', (path) => [path, ...elsewhere, '--dry-run']],
    ['generate', (path) => [path, ...server, '--reward', 'length(target=3)']],
    ['sweep', (path) => [path, ...elsewhere, '-o', join(folder, 'out')]],
    ['serve', () => [...elsewhere, '--port', '0']],
    ['tune', (path) => [path, ...elsewhere, '--judge', `j=${address}/judge`]],
    ['bench', (path) => ['--prompts', path, ...elsewhere]],
    ['score', (path) => [path, '--reward', `r=${address}/`]],
    ['score', (path) => [path, '--reward', 'length(target=3)']],
  ]
  it.each(verbs.flatMap(([verb, argsOf]) => flags.map(([given, setting]) => [verb, given, setting, argsOf] as const)))(
    'are refused by name: %s %j',
    async (verb, given, setting, argsOf) => {
      const { code, stdout, stderr } = await rxargs([verb, ...argsOf(await prompts()), ...given])
      expect([code, stdout]).toEqual([2, ''])
      expect(stderr.endsWith(`rxargs: ${refusal(setting)}`)).toBe(true)
    },
  )

  it('are refused by eval and bench, too', async () => {
    const out = join(folder, 'out')
    await rxargs(['generate', await prompts(), '--lm', lm, '--decoder', 'greedy', '--max-new-tokens', '2', '-o', out])
    for (const measures of [[], ['--reward-model', `r=${address}/`]])
      expect((await rxargs(['eval', out, ...measures, '--dtype', 'q8'])).stderr).toContain(refusal('`dtype` q8'))
    expect((await rxargs(['bench', '--prompts', await prompts(), ...elsewhere, '--threads', '1'])).stderr).toContain(
      refusal('`threads` 1'),
    )
  })

  it.each([{ device: 'auto' }, { dtype: 'q4' }, { cache: false }, { threads: 2 }, { maxBatch: 64 }] as const)(
    'are refused in a program: %j',
    async (setting) => {
      const [[name, value]] = Object.entries(setting) as [[string, unknown]]
      const remote = { url: `${address}/v1`, model: 'm', tokenizer: lm }
      await expect(loadModels({ lm: remote, reward: { name: 'r', url: `${address}/` }, ...setting })).rejects.toThrow(
        refusal(`\`${name}\` ${value}`).trim(),
      )
    },
  )

  it('are accepted as their defaults, and apply to the one model that runs here', async () => {
    const dry = async (...args: string[]) => (await rxargs(['generate', await prompts(), '--dry-run', ...args])).code
    expect(await dry(...elsewhere, '--device', 'cpu', '--dtype', 'fp32')).toBe(0)
    expect(await dry(...server, '--reward', reward, '--dtype', 'fp16')).toBe(0)
  })
})
