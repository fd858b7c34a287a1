import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { readSafetensors } from '../../../src/models/checkpoint/weights/safetensors.js'
import { type GpuModel, gpuNeeds } from '../../../src/models/gpuNeeds.js'

const golden = (path: string): string => fileURLToPath(new URL(`../../../data/golden/${path}`, import.meta.url))
const embedded = (name: string): string => fileURLToPath(new URL(`../../../data/models/${name}`, import.meta.url))
const lm: GpuModel = { head: 'lm', role: 'lm', path: embedded('chat-lm') }
const reward: GpuModel = { head: 'reward', role: 'reward r', path: embedded('chat-rm') }
const bytesOf = async (...args: Parameters<typeof gpuNeeds>): Promise<number> => {
  const needs = await gpuNeeds(...args)
  return needs && 'bytes' in needs ? needs.bytes : Number.NaN
}

/** Writes a file of zeros, which takes no room because it is a hole, and returns how many numbers it has. */
async function writeEmptyWeights(path: string, tensors: readonly (readonly [string, readonly number[]])[]): Promise<number> {
  let bytes = 0
  const entries = tensors.map(([name, shape]) => {
    const begin = bytes
    bytes += 4 * shape.reduce((product, side) => product * side, 1)
    return [name, { dtype: 'F32', shape, data_offsets: [begin, bytes] }]
  })
  const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  const file = await open(path, 'w')
  await file.write(Buffer.concat([length, header]))
  await file.truncate(8 + header.length + bytes)
  await file.close()
  return bytes / 4
}

describe('gpuNeeds', () => {
  it.each([
    // Its head shares the table of the embedding, which is in fp32 then.
    { model: lm, inHalf: /\.mlp\./ },
    { model: reward, inHalf: /embed_tokens|\.mlp\./ },
  ])('counts each weight of the $model.role once, and the cache of a row of 256 positions and one for padding', async (one) => {
    const { model, inHalf } = one
    const { entries } = await readSafetensors(model.path)
    const config = JSON.parse(await readFile(join(model.path, 'config.json'), 'utf8')) as Record<string, number>
    const numbers = [...entries.values()].reduce((sum, { shape }) => sum + shape.reduce((product, side) => product * side, 1), 0)
    const heads = config.num_key_value_heads!
    const width = config.head_dim ?? config.hidden_size! / config.num_attention_heads!
    const cache = 2 * 256 * 2 * config.num_hidden_layers! * heads * width
    expect(await bytesOf([model], 'fp32')).toBe(4 * (numbers + cache))
    const halves = [...entries].flatMap(([name, { shape }]) =>
      inHalf.test(name) ? [shape.reduce((product, side) => product * side, 1)] : [],
    )
    const half = halves.reduce((sum, size) => sum + size, 0)
    expect(half).toBeGreaterThan(numbers / 4)
    expect(await bytesOf([model], 'fp16')).toBe(4 * (numbers + cache) - 2 * half)
  })

  it('adds up models, and counts less for rounded weights', async () => {
    const [one, other, both] = [await bytesOf([lm], 'q8'), await bytesOf([reward], 'q8'), await bytesOf([lm, reward], 'q8')]
    expect(both).toBe(one + other)
    expect(await bytesOf([lm, reward], 'q4')).toBeLessThan(both)
    expect(both).toBeLessThan(await bytesOf([lm, reward], 'fp32'))
  })

  it('counts a matrix that its loading may refuse for its size', async () => {
    // GPT-2 has matrices in columns, which are not cut. These are of 4 · d² numbers in fp32, more than 256 MiB.
    const [d, context, vocab] = [4160, 16, 16]
    const folder = await mkdtemp(join(tmpdir(), 'rxargs-needs-'))
    try {
      const sizes = { n_embd: d, n_head: 65, n_layer: 1, n_positions: context, vocab_size: vocab }
      await writeFile(
        join(folder, 'config.json'),
        JSON.stringify({ model_type: 'gpt2', architectures: ['GPT2LMHeadModel'], ...sizes }),
      )
      const layer = { 'attn.c_attn': [d, 3 * d], 'attn.c_proj': [d, d], 'mlp.c_fc': [d, 4 * d], 'mlp.c_proj': [4 * d, d] }
      const norms = ['h.0.ln_1', 'h.0.ln_2', 'ln_f'].flatMap((name) => [
        [`${name}.weight`, [d]] as const,
        [`${name}.bias`, [d]] as const,
      ])
      const linear = Object.entries(layer).flatMap(([name, shape]) => [
        [`h.0.${name}.weight`, shape] as const,
        [`h.0.${name}.bias`, [shape[1]!]] as const,
      ])
      const tensors = [['wte.weight', [vocab, d]] as const, ['wpe.weight', [context, d]] as const, ...norms, ...linear]
      const numbers = await writeEmptyWeights(join(folder, 'model.safetensors'), tensors)
      expect(await bytesOf([{ ...lm, path: folder }], 'fp32')).toBe(4 * (numbers + 2 * 256 * 2 * d))
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  it('names a model that runs on the CPU only', async () => {
    const needsOf = (path: string) => gpuNeeds([lm, { ...reward, path: golden(path) }], 'fp32')
    expect(await needsOf('cross-encoder/reward')).toEqual({ onlyCpu: '`reward r` is an encoder' })
    expect(await needsOf('onnx-llama/reward')).toEqual({ onlyCpu: '`reward r` is an exported ONNX graph' })
  })

  it('knows nothing of a model that cannot be read', async () =>
    expect(await gpuNeeds([{ ...lm, path: golden('no-such-model') }], 'fp32')).toBeUndefined())
})
