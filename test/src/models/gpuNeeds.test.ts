import { readFile } from 'node:fs/promises'
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

describe('gpuNeeds', () => {
  it('counts each weight once, and the cache of a row of 256 positions and one for padding', async () => {
    const { entries } = await readSafetensors(lm.path)
    const config = JSON.parse(await readFile(join(lm.path, 'config.json'), 'utf8')) as Record<string, number>
    const numbers = [...entries.values()].reduce((sum, { shape }) => sum + shape.reduce((product, side) => product * side, 1), 0)
    const heads = config.num_key_value_heads!
    const width = config.head_dim ?? config.hidden_size! / config.num_attention_heads!
    const cache = 2 * 256 * 2 * config.num_hidden_layers! * heads * width
    expect(await bytesOf([lm], 'fp32')).toBe(4 * (numbers + cache))
    expect(await bytesOf([lm], 'fp16')).toBe(2 * (numbers + cache))
  })

  it('adds up models, and counts less for rounded weights', async () => {
    const [one, other, both] = [await bytesOf([lm], 'q8'), await bytesOf([reward], 'q8'), await bytesOf([lm, reward], 'q8')]
    expect(both).toBe(one + other)
    expect(await bytesOf([lm, reward], 'q4')).toBeLessThan(both)
    expect(both).toBeLessThan(await bytesOf([lm, reward], 'fp32'))
  })

  it('names a model that runs on the CPU only', async () => {
    const needsOf = (path: string) => gpuNeeds([lm, { ...reward, path: golden(path) }], 'fp32')
    expect(await needsOf('cross-encoder/reward')).toEqual({ onlyCpu: '`reward r` is an encoder' })
    expect(await needsOf('onnx-llama/reward')).toEqual({ onlyCpu: '`reward r` is an exported ONNX graph' })
  })

  it('knows nothing of a model that cannot be read', async () =>
    expect(await gpuNeeds([{ ...lm, path: golden('no-such-model') }], 'fp32')).toBeUndefined())
})
