import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { readSafetensors } from '../../../src/models/checkpoint/weights/safetensors.js'
import { tempFolder } from '../../tempFolder.js'
import { finished, jsonl, pair, rxargs, started } from './rxargs.js'

const model = (name: string) => fileURLToPath(new URL(`../../../data/models/${name}`, import.meta.url))
const embedded = ['--lm', model('chat-lm'), '--reward', model('chat-rm')]
const input = `${JSON.stringify({ id: 'a', prompt: '\n\nHuman: Why is the sky blue?\n\nAssistant:' })}\n`
const generate = ['generate', '-', '--max-new-tokens', '6']

let folder: string
tempFolder((path) => {
  folder = path
})

describe('--dtype', () => {
  it.each([
    ['q8', 0.5],
    ['q4', 3],
  ])('scores nearly as in fp32 with weights in %s', async (dtype, most) => {
    const texts = `${JSON.stringify({ id: 'a', prompt: '\n\nHuman: Hello.\n\nAssistant:', completion: ' Hello! How can I help you?' })}\n`
    const scored = async (name: string) => {
      const { stdout } = await rxargs(['score', '-', '--reward', model('chat-rm'), '--dtype', name], texts)
      return jsonl(stdout)[0]!.reward as number
    }
    const [exact, rounded] = [await scored('fp32'), await scored(dtype)]
    expect(rounded).not.toBe(exact)
    expect(Math.abs(rounded - exact)).toBeLessThan(most)
  })

  it('notes that fp16 is computed as fp32, and gives the same rows', async () => {
    const row = ({ stdout }: { stdout: string }) => {
      const { token_ids, rewards } = jsonl(stdout)[0]!
      return { token_ids, rewards }
    }
    const half = await rxargs([...generate, ...embedded, '--dtype', 'fp16'], input)
    expect(half.stderr).toContain('fp16 weights are computed in fp32')
    expect(row(half)).toEqual(row(await rxargs([...generate, ...embedded], input)))
  })

  it('does not mix rows of different weights in one folder', async () => {
    const output = ['-o', join(folder, 'out')]
    expect((await rxargs([...generate, ...embedded, ...output, '--dtype', 'q8'], input)).code).toBe(0)
    const { code, stderr } = await rxargs([...generate, ...embedded, ...output], input)
    expect(code).toBe(1)
    expect(stderr).toContain('`dtype of lm` "q8", but this run has "fp32"')
  })

  it('refuses matrices that do not split into blocks, and names one', async () => {
    const { code, stderr } = await rxargs([...generate, ...pair, '--dtype', 'q4'], input)
    expect(code).toBe(1)
    expect(stderr).toContain('to be a multiple of 32 for q4 weights, got ')
  })

  it('counts less memory for rounded weights', async () => {
    const weights = async (dtype: string) => {
      const { stdout } = await rxargs([...generate, ...embedded, '--dry-run', '--dtype', dtype], input)
      return Number(stdout.match(/^weights +([\d.]+) MB/m)![1])
    }
    const [fp32, q8, q4] = [await weights('fp32'), await weights('q8'), await weights('q4')]
    expect(q8).toBeLessThan(fp32 / 2)
    expect(q4).toBeLessThan(q8)
  })

  it('counts fp16 as fp32 on a CPU, and what a GPU has in fp16 as half of it', async () => {
    const dry = ['generate', join(folder, 'prompts.jsonl'), ...embedded, '--dry-run']
    await writeFile(dry[1]!, input)
    const weightsOf = ({ stdout }: { stdout: string }) => stdout.match(/^weights +([\d.]+) MB in (\w+)/m)!.slice(1)
    const [size, name] = weightsOf(await rxargs(dry))
    expect(name).toBe('fp32')
    expect(weightsOf(await rxargs([...dry, '--dtype', 'fp16']))).toEqual([size, 'fp32'])
    // In a process of its own, because it asks the drivers of this machine for a GPU.
    const onGpu = await finished(started([...dry, '--dtype', 'fp16', '--device', 'webgpu']))
    expect(onGpu.stdout).toMatch(/^cache +at most .* in whole rows/m)
    const [half, halfName] = weightsOf(onGpu)
    expect(halfName).toBe('fp16')
    const [lm, reward] = [await readSafetensors(model('chat-lm')), await readSafetensors(model('chat-rm'))]
    // The head of the language model shares the table of its embedding, which is in fp32 then.
    const halves = [
      ...[...lm.entries].filter(([name]) => name.includes('.mlp.')),
      ...[...reward.entries].filter(([name]) => /embed_tokens|\.mlp\./.test(name)),
    ].map(([, { shape }]) => shape)
    const saved = halves.reduce((sum, shape) => sum + 2 * shape.reduce((product, side) => product * side, 1), 0)
    expect(saved / 1e6).toBeGreaterThan(Number(size) / 4)
    expect(Math.abs(Number(half) - (Number(size) - saved / 1e6))).toBeLessThan(0.2)
  })
})

describe('the cache of rounded weights', () => {
  afterEach(() => vi.unstubAllEnvs())
  const q4 = async (...flags: string[]) => {
    const run = await rxargs([...generate, ...embedded, '--dtype', 'q4', ...flags], input)
    const { token_ids, rewards } = jsonl(run.stdout)[0]!
    return { row: { token_ids, rewards }, stderr: run.stderr }
  }

  it('holds an entry of each model, and a start from it decodes the same', async () => {
    vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'))
    const without = await q4('--no-cache')
    await expect(readdir(join(folder, 'cache'))).rejects.toThrow()
    const [first, second] = [await q4(), await q4()]
    expect(await readdir(join(folder, 'cache', 'rxargs', 'weights'))).toHaveLength(2)
    expect([first.row, second.row]).toEqual([without.row, without.row])
    const { stdout } = await rxargs(['inspect', model('chat-lm')])
    expect(stdout).toMatch(/^cache +2 models, [\d.]+ \wi?B in /m)
  })

  it('is left out with a notice where it cannot be written', async () => {
    await writeFile(join(folder, 'file'), '')
    vi.stubEnv('XDG_CACHE_HOME', join(folder, 'file'))
    const { row, stderr } = await q4()
    expect(stderr).toContain(`Rounded weights cannot be kept in ${join(folder, 'file', 'rxargs', 'weights')}`)
    expect(row).toEqual((await q4('--no-cache')).row)
  })
})
