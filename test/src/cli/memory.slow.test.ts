import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pairSizes, writeRandomPair } from '../../../src/models/checkpoint/writeRandomPair.js'
import { finished, root, rxargs } from './rxargs.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-memory-'))
  const sizes = { d: 512, layers: 8, heads: 8, ffn: 1536, vocab: 16000, context: 512 }
  await writeRandomPair(folder, pairSizes.parse(sizes))
}, 120_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Runs a script that loads the program and, at the end, writes the largest memory that it had. */
const measured = (args: readonly string[]) => {
  const script = `process.on('exit', () => process.stderr.write('\\nRSS ' + process.resourceUsage().maxRSS * 1024 + '\\n'))
    process.argv = [process.argv[0], 'rxargs', ...${JSON.stringify(args)}]
    await import(${JSON.stringify(`file://${root}dist/src/cli/main.js`)})`
  return finished(spawn(process.execPath, ['--input-type=module', '-e', script]))
}

describe.skipIf(process.platform !== 'linux')('the memory of a run', () => {
  it.each(['fp32', 'q8', 'q4'])(
    'is at most 1.2 times what inspect says, in %s with 16 prompts',
    { timeout: 180_000 },
    async (dtype) => {
      const lm = join(folder, 'lm')
      const limits = ['--dtype', dtype, '--max-new-tokens', '32', '--max-prompt-tokens', '128']
      const prompts = `${root}data/prompts/sample.jsonl`
      const run = await measured([
        'generate',
        prompts,
        '--lm',
        lm,
        '--reward',
        'length(target=9)',
        '--decoder',
        'greedy',
        '--limit',
        '16',
        ...limits,
      ])
      expect(run.code, run.stderr).toBe(0)
      const peak = Number(run.stderr.match(/RSS (\d+)/)?.[1])
      const { memory } = JSON.parse((await rxargs(['inspect', lm, '--json', ...limits])).stdout)
      expect(peak).toBeGreaterThan(memory.weights_bytes)
      expect(peak / memory.total_bytes).toBeLessThanOrEqual(1.2)
    },
  )
})
