import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { rxargs } from './rxargs.js'

const folder = fileURLToPath(new URL('../../../data/golden/gguf/', import.meta.url))
const base = `${folder}llama.gguf`
const [changes, scores] = [`${folder}adapters/lm`, `${folder}adapters/score`]
const prompt = '{"id":"a","prompt":"How do I make"}\n'
const decoding = ['--max-new-tokens', '4', '--k', '2', '--template', 'none']

async function tokens(...args: string[]): Promise<unknown> {
  const { code, stdout, stderr } = await rxargs(['generate', '-', ...decoding, ...args], prompt)
  expect(code, stderr).toBe(0)
  const { token_ids: ids, reward } = JSON.parse(stdout) as Readonly<{ token_ids: number[]; reward: number }>
  return { ids, reward }
}

it('a GGUF file decodes, an adapter on it steers, and another one changes the reply', async () => {
  const joined = await tokens('--lm', `${base}+${changes}`, '--reward', `${base}+${scores}`)
  expect(await tokens('--lm', base, '--lm-adapter', changes, '--reward', scores, '--base', base)).toEqual(joined)
  expect(await tokens('--lm', base, '--reward', scores, '--base', base)).not.toEqual(joined)
})

it('`--base` requires an adapter, and `--lm-adapter` a local model', async () => {
  const { code, stderr } = await rxargs(['generate', '-', '--lm', base, '--base', base], prompt)
  expect([code, stderr]).toEqual([2, expect.stringContaining('beside `--base`, got none')])
  const remote = await rxargs(['generate', '-', '--lm', 'http://127.0.0.1:9/v1', '--lm-adapter', changes], prompt)
  expect([remote.code, remote.stderr]).toEqual([2, expect.stringContaining('beside `--lm-adapter`')])
})

it('inspect shows the contents of a GGUF file and of an adapter on it', async () => {
  const { stdout } = await rxargs(['inspect', base, '--json'])
  expect(JSON.parse(stdout)).toMatchObject({ folder: base, family: 'llama', layers: 2, dtype: ['F32'], problems: [] })
  const adapter = await rxargs(['inspect', `${base}+${scores}`])
  expect(adapter.stdout).toContain('reward model (LlamaForSequenceClassification)')
})
