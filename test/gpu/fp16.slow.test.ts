import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Golden } from '../goldenCases.js'
import { goldenFolder } from './deviceEngine.js'
import { CLEAR, largestDifference, WITHIN } from './nearness.js'
import { SLOW } from './tracedRows.js'

const program = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url))

/** Mesa's renderer has 16-bit numbers from version 24 on. `RXARGS_FLOAT16_DRIVER` names another driver that has them. */
const drivers = [process.env.RXARGS_FLOAT16_DRIVER, ...['', '.x86_64'].map((cpu) => `/usr/share/vulkan/icd.d/lvp_icd${cpu}.json`)]
const driver = drivers.find((path) => path !== undefined && existsSync(path))

/** In a process of its own, because a process has one GPU. */
async function rxargs(args: readonly string[], input = ''): Promise<string> {
  const env = { ...process.env, VK_DRIVER_FILES: driver, XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR ?? '/tmp' }
  const running = promisify(execFile)(process.execPath, [program, ...args], { env })
  running.child.stdin!.end(input)
  return (await running).stdout
}

async function without16Bits(): Promise<string | undefined> {
  const wanted =
    'a Vulkan driver with 16-bit numbers (Debian: mesa-vulkan-drivers of version 24 or later, or RXARGS_FLOAT16_DRIVER)'
  if (driver === undefined) return `no ${wanted}`
  const { webgpu } = JSON.parse(await rxargs(['inspect', '--devices', '--json'])) as { webgpu: { float16?: boolean } }
  return webgpu.float16 ? undefined : `not ${wanted}: ${driver}`
}

/** What the test reads of a row. */
type Read = Readonly<{
  id: string
  error: string | null
  token_ids: readonly number[]
  candidate_ids: readonly (readonly number[])[]
  candidate_logits: readonly (readonly number[])[]
  candidate_rewards: readonly (readonly number[])[]
}>

let reason: string | undefined
beforeAll(async () => {
  reason = await without16Bits()
})
beforeEach((context) => context.skip(reason !== undefined, reason))

/** They have rotary and learned positions, shared keys, soft caps, sliding windows, norms of heads, biases, all three activations, and MLPs of all kinds. */
describe.each(['grouped', 'gemma2', 'phi3', 'qwen3', 'opt', 'gpt_neox'])('%s in fp16 on a device', (name) => {
  it(
    'gives the logits and rewards of fp32 within the bound, and chooses the same tokens',
    async () => {
      const golden = JSON.parse(await readFile(join(goldenFolder(name), 'golden.json'), 'utf8')) as Golden
      const cases = golden.cases.filter(({ id, k }) => k === 10 && id !== 'long')
      const { weight } = cases[0]!
      const prompts = cases.map(({ id, prompt }) => JSON.stringify({ id, prompt })).join('\n')
      const stdout = await rxargs(
        [
          ...['generate', '-', '--lm', join(goldenFolder(name), golden.lm), '--reward', join(goldenFolder(name), golden.reward)],
          ...['--device', 'webgpu', '--dtype', 'fp16', '--k', '10', '--weight', String(weight), '--trace'],
          ...['--max-new-tokens', String(golden.maxNewTokens), '--concurrency', String(cases.length)],
        ],
        prompts,
      )
      const rows = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Read)
      expect(rows).toHaveLength(cases.length)
      let compared = 0
      for (const row of rows) {
        expect(row.error).toBeNull()
        const { steps, tokenIds } = cases.find(({ id }) => id === row.id)!
        for (const [t, { candidateIds, logits, rewards, margin }] of steps.entries()) {
          const found = row.candidate_ids[t]!
          // Nearly equal logits may change places at the end of the candidates.
          const both = candidateIds.flatMap((tokenId, c) =>
            found.includes(tokenId) ? [[c, found.indexOf(tokenId)] as const] : [],
          )
          expect(both.length).toBeGreaterThanOrEqual(candidateIds.length - 1)
          const differences = (values: readonly number[], expected: readonly number[]) =>
            largestDifference(
              both.map(([, at]) => values[at]!),
              both.map(([c]) => expected[c]!),
            )
          expect(differences(row.candidate_logits[t]!, logits)).toBeLessThan(WITHIN)
          expect(differences(row.candidate_rewards[t]!, rewards!)).toBeLessThan(WITHIN)
          compared++
          if (row.token_ids[t] === tokenIds[t]) continue
          // Another token is right only in a near tie, or if the token is no candidate. What follows it cannot be compared.
          if (found.includes(tokenIds[t]!)) expect(margin, `${row.id} ${t}`).toBeLessThan(CLEAR)
          break
        }
      }
      expect(compared).toBeGreaterThan(golden.maxNewTokens)
    },
    SLOW,
  )
})
