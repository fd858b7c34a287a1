import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { lm, rxargs } from '../rxargs.js'

it('measures 64 prompts of a server in few requests with many prompts each', async () => {
  const path = fileURLToPath(new URL('../../../../data/bench/latencyServer.mjs', import.meta.url))
  const server = spawn(process.execPath, [path, '20', '256'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const folder = await mkdtemp(join(tmpdir(), 'rxargs-bench-'))
  try {
    const url = await new Promise<string>((resolve) =>
      server.stdout.once('data', (line: Buffer) => resolve(line.toString().trim())),
    )
    const prompts = join(folder, 'prompts.jsonl')
    await writeFile(prompts, Array.from({ length: 64 }, (_, id) => `${JSON.stringify({ prompt: `Say ${id}` })}\n`).join(''))
    const at = ['--lm', url, '--lm-model', 'none', '--lm-tokenizer', lm, '--reward', `r=${url.replace('/v1', '/classify')}`]
    const sizes = ['--prompts', prompts, '--concurrency', '64', '--max-new-tokens', '8', '--decoder', 'args']
    const { code, stdout } = await rxargs(['bench', ...at, ...sizes, '--json'])
    expect(code).toBe(0)
    const { machine, settings } = JSON.parse(stdout)
    const [{ requests, completion_tokens: tokens, peaks }] = settings
    // This machine's peak speed says nothing about servers.
    expect(peaks).toBeNull()
    expect(machine).not.toHaveProperty('peak_gflops')
    expect(requests.lm.count * requests.lm.mean_items).toBeCloseTo(tokens, 6)
    expect(requests.lm.mean_items).toBeGreaterThan(8)
    expect(requests.r.mean_items).toBeGreaterThan(80)
    expect(requests.lm.ms.p50).toBeGreaterThan(18)
    const { stdout: text } = await rxargs(['bench', ...at, ...sizes])
    expect(text).toContain('requests to the server of lm')
    expect(text).not.toMatch(/GFLOP\/s|roofline/)
  } finally {
    server.kill()
    await rm(folder, { recursive: true, force: true })
  }
})
