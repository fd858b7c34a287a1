import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { tempFolder } from '../../tempFolder.js'
import { jsonl, lm, pair, reward, rxargs } from './rxargs.js'

let folder: string
tempFolder((path) => {
  folder = path
})

describe('rxargs cat', () => {
  it('prints the rows of a folder like generate', async () => {
    const input = '{"id":"a","prompt":"x","n":1}\n{"id":"b","prompt":""}\n'
    const args = ['generate', '-', ...pair, '--max-new-tokens', '3', '--trace', '--keep-input']
    const direct = await rxargs(args, input)
    await rxargs([...args, '-o', join(folder, 'out')], input)
    const { code, stdout } = await rxargs(['cat', join(folder, 'out')])
    const timeless = (text: string) =>
      new Map(
        jsonl(text).map(({ started_at: at, duration_ms: ms, ...row }) => [row.id, { ...row, at: typeof at, ms: typeof ms }]),
      )
    const [printed, cat] = [timeless(direct.stdout), timeless(stdout)]
    expect(cat.get('a')).toEqual(printed.get('a'))
    // In Parquet a row without candidates has these columns, too.
    expect(cat.get('b')).toEqual({
      ...printed.get('b'),
      candidate_ids: null,
      candidate_logits: null,
      candidate_rewards: null,
      candidate_scores: null,
    })
    expect(code).toBe(0)
    expect((await rxargs(['cat', join(folder, 'out', 'part-00000.parquet')])).stdout).toBe(stdout)
  })

  it('fails without rows', async () => {
    expect(await rxargs(['cat', folder])).toMatchObject({
      code: 1,
      stderr: `rxargs: Expected Parquet files in ${folder}, found none\n`,
    })
    expect((await rxargs(['cat'])).code).toBe(2)
  })
})

describe('rxargs score', () => {
  const texts = [
    { id: 'a', prompt: 'x', completion: ' y' },
    { prompt: 'x', completion: ' z' },
    { prompt: 'x' },
    { completion: 'y' },
  ]
  const input = texts.map((text) => `${JSON.stringify(text)}\n`).join('')

  it('gives each text its reward, and each invalid one its reason', async () => {
    const { code, stdout } = await rxargs(['score', '-', '--reward', reward], input)
    const rows = jsonl(stdout).sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1))
    expect(rows.map(({ id, completion }) => [id, completion])).toEqual([
      ['a', ' y'],
      ['stdin:2', ' z'],
      ['stdin:3', null],
      ['stdin:4', null],
    ])
    expect(rows.slice(0, 2).map((row) => Number.isFinite(row.reward))).toEqual([true, true])
    expect(rows[0]!.reward).not.toBe(rows[1]!.reward)
    expect(rows[2]!.error).toBe('stdin:3: Expected `completion` to be well-formed text, got nothing')
    expect(rows[3]!.error).toContain('stdin:4: Expected `prompt`')
    expect(code).toBe(0)
  })

  it("equals generate's rewards of rows without an end token", async () => {
    const out = join(folder, 'out')
    await rxargs(
      ['generate', '-', ...pair, '--max-new-tokens', '3', '--samples', '2', '--decoder', 'top-k', '-o', out],
      '{"prompt":"Say"}\n',
    )
    const made = jsonl((await rxargs(['cat', out])).stdout)
    const scored = jsonl((await rxargs(['score', out, '--reward', reward])).stdout)
    expect(scored.length).toBe(2)
    for (const { sample, finish_reason: reason, completion, reward: value } of made) {
      const again = scored.find((row) => row.sample === sample)!
      expect(again.completion).toBe(completion)
      if (reason === 'length' && !String(completion).includes('\ufffd')) expect(again.reward).toBeCloseTo(value as number, 4)
    }
  })

  it('writes Parquet, and refuses a folder of another reward model', async () => {
    const out = join(folder, 'out')
    expect((await rxargs(['score', '-', '--reward', reward, '-o', out], input)).code).toBe(0)
    const again = await rxargs(['score', '-', '--reward', `other=${reward}`, '-o', out], input)
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('this run') })
  })
})

describe('rxargs inspect', () => {
  it.each([
    [[lm, '--devices'], `Expected nothing beside \`--devices\` but \`--json\`, got \`${lm}\``],
    [['--devices', '--dtype', 'fp16'], 'Expected nothing beside `--devices` but `--json`, got `--dtype`'],
    [[], 'Expected a model to inspect, or `--devices`, got nothing'],
  ])('refuses %j', async (args, message) =>
    expect(await rxargs(['inspect', ...args])).toMatchObject({ code: 2, stdout: '', stderr: `rxargs: ${message}\n` }),
  )

  it('describes a model', async () => {
    const { code, stdout } = await rxargs(['inspect', lm])
    expect(code).toBe(0)
    expect(stdout).toMatch(/family +llama, language model \(LlamaForCausalLM\)/)
    for (const line of [
      /parameters +[\d.]+ k/,
      /dtype +F32/,
      /context +512 tokens/,
      /vocabulary +280/,
      /end tokens +1, 2/,
      /memory .* of cache per token/,
    ]) {
      expect(stdout).toMatch(line)
    }
  })

  it('describes unusual positions and windows', async () => {
    const inspected = async (model: string) =>
      (await rxargs(['inspect', fileURLToPath(new URL(`../../../data/golden/${model}`, import.meta.url))])).stdout
    expect(await inspected('gemma3/lm')).toMatch(
      /positions +rotary, base 800, linear; base 40 in local layers\nwindow +6 tokens, 2 of 3 layers/,
    )
    expect(await inspected('phi3/lm')).toMatch(/positions +rotary, base 200, longrope, 8 of 16 elements of a head\n/)
    expect(await inspected('qwen3/lm')).toMatch(/window +none/)
  })

  it("shows the tokenizer's added tokens, special tokens, and a rendered template", async () => {
    const { stdout } = await rxargs(['inspect', lm])
    expect(stdout).toMatch(/tokenizer +BPE, adds <\|begin\|> before a text/)
    expect(stdout).toMatch(/special +bos_token "<\|begin\|>" \(0\), eos_token "<\|end\|>" \(1\), pad_token "<\|end\|>" \(1\)/)
    expect(stdout).toMatch(/template +none: plain prompts only/)
  })

  it('shows the memory for the given number of sequences', async () => {
    const memory = async (folderOfModel: string, ...flags: string[]) => {
      const { stdout } = await rxargs(['inspect', folderOfModel, '--json', ...flags])
      return (JSON.parse(stdout) as { memory: Record<string, number> }).memory
    }
    const one = await memory(lm, '--concurrency', '1')
    const token = 2 * 2 * 2 * 12 * 4 // keys and values, layers, heads, width, bytes
    expect(one).toMatchObject({ cache_bytes_a_token: token, sequences: 1, tokens_a_sequence: 512, cache_bytes: token * 512 })
    expect((await memory(lm, '--concurrency', '7')).cache_bytes).toBe(7 * token * 512)
    expect((await rxargs(['inspect', lm, '--concurrency', '7'])).stdout).toMatch(
      / of cache per token: .* for 7 sequences of up to 512 tokens/,
    )
    const [whole, rounded] = [await memory('data/models/chat-lm'), await memory('data/models/chat-lm', '--dtype', 'q8')]
    expect(rounded.weights_bytes).toBeLessThan(0.6 * whole.weights_bytes!)
  })

  it('prints all of it as JSON, with the config as read', async () => {
    const { code, stdout } = await rxargs(['inspect', reward, '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      folder: reward,
      family: 'llama',
      dtype: ['F32'],
      tokenizer: { kind: 'BPE', before: [0], after: [] },
      special: expect.arrayContaining([{ role: 'eos_token', text: '<|end|>', id: 1 }]),
      template: null,
      config: { head: 'reward', layers: 3, kv_heads: 2, rope_theta: 300000, rope_scaling: { type: 'none' } },
      problems: [],
    })
    await writeFile(join(folder, 'config.json'), '{"architectures":["OtherForCausalLM"]}')
    const broken = await rxargs(['inspect', folder, '--json'])
    expect(broken.code).toBe(1)
    expect(JSON.parse(broken.stdout)).toMatchObject({
      config: null,
      problems: [/Unknown architecture/, /./, /./].map((said) => expect.stringMatching(said)),
    })
  })

  it('counts weights without the masks that old versions stored', async () => {
    const { code, stdout } = await rxargs(['inspect', fileURLToPath(new URL('../../../data/golden/gpt2/lm', import.meta.url))])
    expect(code).toBe(0)
    expect(stdout).toMatch(/family +gpt2, language model \(GPT2LMHeadModel\)/)
    expect(stdout).toMatch(/positions +learned\nwindow +none/)
    expect(stdout).toMatch(/parameters +28\.9 k \(28896\)/)
    // The tied table of 280 rows of 24 counts twice.
    expect(stdout).toMatch(/memory +about 203 MB at most: 142 kB of weights, 384 B of cache per token/)
    expect(stdout).not.toMatch(/^unused/m)
  })

  it('names every unsupported part, with code 1', async () => {
    await writeFile(join(folder, 'config.json'), '{"architectures":["OtherForCausalLM"]}')
    const { code, stdout, stderr } = await rxargs(['inspect', folder])
    expect(code).toBe(1)
    expect(stdout).toMatch(/family +OtherForCausalLM/)
    expect(stdout.match(/^unsupported /gm)).toHaveLength(3)
    expect(stderr).toMatch(/cannot be used: Unknown architecture `OtherForCausalLM`/)
  })
})

describe('rxargs', () => {
  it('prints its version and its verbs', async () => {
    expect((await rxargs(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
    const help = await rxargs(['--help'])
    for (const verb of ['generate', 'score', 'cat', 'inspect']) expect(help.stdout).toContain(`  ${verb} `)
    expect(help.code).toBe(0)
  })

  it('shows every default of generate', async () => {
    const { stdout } = await rxargs(['generate', '--help'])
    const text = stdout.replace(/\s+/g, ' ')
    for (const shown of [
      'args 10',
      'args 1.5',
      'args-stochastic 0.7',
      'nucleus 0.95',
      '(default: 128)',
      '(default: 16)',
      '(default: args)',
    ]) {
      expect(text).toContain(shown)
    }
  })
})
