import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { expect, it } from 'vitest'
import { root } from '../../../docs/pages.js'
import { tempFolder } from '../../../tempFolder.js'

let cache: string
tempFolder((path) => {
  cache = path
})

// Each starts the runtime in its own way: in a model's thread, in the thread that measures peaks, and in the main thread.
it.each<[string, string[], string]>([
  ['generate', ['generate', '-', '--max-new-tokens', '2', '--no-cache'], '"completion"'],
  ['bench', ['bench', '--prompts', '-', '--concurrency', '1', '--max-new-tokens', '2', '--decoder', 'greedy'], 'tokens/s'],
  ['inspect --devices', ['inspect', '--devices'], 'webgpu'],
])('%s leaves nothing of the telemetry of onnxruntime in the cache folder', (_name, args, output) => {
  const { ORT_DISABLE_TELEMETRY: _, ...env } = process.env
  const { status, stdout } = spawnSync(process.execPath, [`${root}dist/src/cli/main.js`, ...args], {
    ...{ cwd: root, env: { ...env, XDG_CACHE_HOME: cache }, input: '{"prompt":"Hello"}\n', encoding: 'utf8' },
  })
  expect(status).toBe(0)
  expect(stdout).toContain(output)
  expect(readdirSync(cache)).toEqual([])
})
