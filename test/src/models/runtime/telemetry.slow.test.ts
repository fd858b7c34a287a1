import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { expect, it } from 'vitest'
import { root } from '../../../docs/pages.js'
import { tempFolder } from '../../../tempFolder.js'

let cache: string
tempFolder((path) => {
  cache = path
})

it('leaves nothing of the telemetry of onnxruntime in the cache folder', () => {
  const { ORT_DISABLE_TELEMETRY: _, ...env } = process.env
  const args = ['generate', '-', '--max-new-tokens', '2', '--no-cache']
  const { status, stdout } = spawnSync(process.execPath, [`${root}dist/src/cli/main.js`, ...args], {
    ...{ cwd: root, env: { ...env, XDG_CACHE_HOME: cache }, input: '{"prompt":"Hello"}\n', encoding: 'utf8' },
  })
  expect(status).toBe(0)
  expect(stdout).toContain('"completion"')
  expect(readdirSync(cache)).toEqual([])
})
