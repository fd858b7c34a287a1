import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { root } from '../cli/rxargs.js'

it('serves 64 streaming clients, connections that come and go, and a thousand errors, and is healthy afterwards', {
  timeout: 600_000,
}, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [`${root}data/bench/serveLoad.mjs`, '3', '300'])
  expect(stdout).toMatch(/^streams +[1-9]\d* whole, 0 dropped$/m)
  expect(stdout).toMatch(/^replies running afterwards +0$/m)
  expect(stdout).toMatch(/^a request afterwards +whole$/m)
  expect(stdout).toMatch(/^exit code +0$/m)
})
