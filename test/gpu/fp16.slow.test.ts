import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { readRows } from '../../src/io/readRows.js'
import { pairSizes, writeRandomPair } from '../../src/models/checkpoint/writeRandomPair.js'
import { tempFolder } from '../tempFolder.js'
import { rowsOfPair, SLOW } from './tracedRows.js'

const program = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url))

/** Mesa's renderer has 16-bit numbers from version 24 on. `RXARGS_FLOAT16_DRIVER` names another driver that has them. */
const drivers = [process.env.RXARGS_FLOAT16_DRIVER, ...['', '.x86_64'].map((cpu) => `/usr/share/vulkan/icd.d/lvp_icd${cpu}.json`)]
const driver = drivers.find((path) => path !== undefined && existsSync(path))

/** In a process of its own, because a process has one GPU. */
const rxargs = async (...args: string[]): Promise<string> => {
  const env = { ...process.env, VK_DRIVER_FILES: driver, XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR ?? '/tmp' }
  return (await promisify(execFile)(process.execPath, [program, ...args], { env })).stdout
}

/** What the test reads of a row: the logits and rewards of its tokens. */
type Read = Readonly<{ prompt: string; tokenIds: number[]; logits: number[]; rewards: number[] }>

async function without16Bits(): Promise<string | undefined> {
  const wanted =
    'a Vulkan driver with 16-bit numbers (Debian: mesa-vulkan-drivers of version 24 or later, or RXARGS_FLOAT16_DRIVER)'
  if (driver === undefined) return `no ${wanted}`
  const { webgpu } = JSON.parse(await rxargs('inspect', '--devices', '--json')) as { webgpu: { float16?: boolean } }
  return webgpu.float16 ? undefined : `not ${wanted}: ${driver}`
}

describe('fp16 on a device with 16-bit numbers', () => {
  let folder: string
  tempFolder((path) => {
    folder = path
  })

  it(
    'gives the tokens of fp32 on a CPU, logits within 2e-2 and rewards within 6e-2',
    async (context) => {
      const reason = await without16Bits()
      context.skip(reason !== undefined, reason)
      const sizes = { d: 64, layers: 1, heads: 4, kv: 2, ffn: 128, vocab: 600, prompts: 1, 'prompt-tokens': '7' }
      await writeRandomPair(folder, pairSizes.parse(sizes))
      const expected = await rowsOfPair(folder, { device: 'cpu' })
      const out = join(folder, 'out')
      await rxargs(
        ...['generate', join(folder, 'prompts.jsonl'), '--lm', join(folder, 'lm'), '--reward', `r=${join(folder, 'reward')}`],
        ...['--device', 'webgpu', '--dtype', 'fp16', '--k', '10', '--max-new-tokens', '6', '-o', out],
      )
      const rows: Read[] = []
      for await (const row of readRows(out)) rows.push(row as Read)
      expect(rows).toHaveLength(expected.length)
      const near = (found: readonly number[], other: readonly number[], within: number) => {
        expect(found).toHaveLength(other.length)
        for (const [t, value] of found.entries())
          expect(Math.abs(value - other[t]!)).toBeLessThan(within * Math.max(1, Math.abs(other[t]!)))
      }
      for (const row of rows) {
        const same = expected.find(({ prompt }) => prompt === row.prompt)!
        expect([...row.tokenIds]).toEqual(same.tokenIds)
        near(row.logits, same.logits!, 2e-2)
        near(row.rewards, same.rewards!, 6e-2)
      }
    },
    2 * SLOW,
  )
})
