import { readFileSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadCodec } from '../../../../../src/models/checkpoint/tokenizer/loadCodec.js'
import { hashModel } from '../../../../../src/models/hashModel.js'
import { loadModel, readModel } from '../../../../../src/models/loadModel.js'

type Expected = Readonly<{ name: string; base: string; head: 'lm' | 'reward'; ids: number[]; values: number[] }>

const folder = fileURLToPath(new URL('../../../../../data/golden/gguf/', import.meta.url))
/** What test/reference/make_gguf.py writes: logits and rewards of PEFT's merged models. */
const { adapters } = JSON.parse(readFileSync(`${folder}expected.json`, 'utf8')) as Readonly<{ adapters: readonly Expected[] }>
const pathOf = (base: string, adapter: string) => `${folder}${base}.gguf+${folder}adapters/${adapter}`

let made: string
beforeAll(async () => {
  made = await mkdtemp(join(tmpdir(), 'rxargs-adapter-'))
})
afterAll(() => rm(made, { recursive: true }))

/** A copy of an adapter with some of its settings changed. */
async function changed(name: string, settings: Readonly<Record<string, unknown>>): Promise<string> {
  const copy = await mkdtemp(join(made, `${name}-`))
  await cp(`${folder}adapters/${name}`, copy, { recursive: true })
  const file = join(copy, 'adapter_config.json')
  await writeFile(file, JSON.stringify({ ...(JSON.parse(await readFile(file, 'utf8')) as object), ...settings }))
  return copy
}

describe('a LoRA adapter', () => {
  it.each(adapters.map((adapter) => [adapter.name, adapter] as const))(
    '%s answers like PEFT’s merged model',
    async (_, adapter) => {
      const { base, name, head, ids, values } = adapter
      const { worker } = await loadModel(pathOf(base, name), { head, role: head, threads: 1 })
      const [result] = await worker.run([
        { key: {}, tokenIds: Int32Array.from(ids), branches: [[]], ...(head === 'lm' && { decode: true }) },
      ])
      await worker.close()
      const scale = Math.max(1, ...values.map(Math.abs))
      for (const [index, value] of values.entries()) expect(Math.abs(result!.values[index]! - value)).toBeLessThan(1e-5 * scale)
    },
  )

  it('finds its base model by the name in adapter_config.json', async () => {
    const copy = await changed('lm', { base_model_name_or_path: `${folder}llama.gguf` })
    const { folder: path, config } = await readModel(copy, { head: 'lm', role: 'lm' })
    expect(config.family).toBe('llama')
    expect(path).toBe(`${folder}llama.gguf+${copy}`)
    expect((await loadCodec(copy)).encode('it is', true)).toEqual((await loadCodec(`${folder}llama.gguf`)).encode('it is', true))
  })

  it('has another hash than its base, and than another adapter of it', async () => {
    const paths = [`${folder}llama.gguf`, pathOf('llama', 'lm'), pathOf('llama', 'patterns')]
    expect(new Set(await Promise.all(paths.map((path) => hashModel(path)))).size).toBe(3)
  })

  it.each([
    ['peft_type', 'IA3', '`LORA`'],
    ['use_dora', true, 'DoRA'],
    ['lora_bias', true, 'false'],
    ['init_lora_weights', 'pissa', 'the others also change the base model'],
    ['layer_replication', [[0, 1]], 'null'],
    ['trainable_token_indices', [1], 'null'],
    ['bias', 'some', 'none, all or lora_only'],
    ['task_type', 'SEQ_2_SEQ_LM', 'CAUSAL_LM'],
    ['r', 0, 'an integer >= 1'],
    ['some_new_setting', 3, '`some_new_setting` = 3'],
    ['target_modules', ['q_proj'], 'the adapter has matrices'],
    ['r', 8, 'of shapes [8, 96] and [64, 8], got [4, 96] and [64, 4]'],
  ])('is refused for `%s` = %j', async (key, value, said) => {
    const copy = await changed('lm', { [key]: value })
    const reading = readModel(`${folder}llama.gguf+${copy}`, { head: 'lm', role: 'lm' })
    await expect(reading).rejects.toThrow(said)
    await expect(reading).rejects.toThrow(/^Expected /)
  })

  it('is refused if it lacks a layer that it names, does not fit, or has no base', async () => {
    const wide = await changed('patterns', { target_modules: ['q_proj', 'down_proj'] })
    await expect(readModel(`${folder}llama.gguf+${wide}`, { head: 'lm', role: 'lm' })).rejects.toThrow('found none')
    await expect(readModel(pathOf('gpt2', 'lm'), { head: 'lm', role: 'lm' })).rejects.toThrow('in the base model')
    await expect(readModel(`${folder}adapters/lm`, { head: 'lm', role: 'lm' })).rejects.toThrow('`base_model_name_or_path`')
    const lost = await changed('lm', { base_model_name_or_path: 'nobody/nothing' })
    await expect(readModel(lost, { head: 'lm', role: 'lm' })).rejects.toThrow('use `--base` for another path')
  })
})
