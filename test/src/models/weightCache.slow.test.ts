import { cp, mkdtemp, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { BatchedRewardModel } from '../../../src/core/batched.js'
import { pairSizes, writeRandomPair } from '../../../src/models/checkpoint/writeRandomPair.js'
import { loadReward } from '../../../src/models/loadReward.js'

/** Files younger than three seconds are not remembered. */
const SETTLED_MS = 3500

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-altered-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function rewardOf(path: string, cache = true): Promise<number> {
  const loaded = await loadReward({ name: 'r', path }, { threads: 1, maxBatch: 1, dtype: 'q4', cache })
  try {
    const source = loaded.source as BatchedRewardModel
    const [value] = await source.run([{ key: {}, tokenIds: [300, 301, 302], branches: [[]] }])
    return value![0]!
  } finally {
    await loaded.close()
  }
}

/** Writes other weights into the file's last layer, in place. Its size and its time of modification stay. */
async function alter(file: string): Promise<void> {
  const { atime, mtime, size } = await stat(file)
  const handle = await open(file, 'r+')
  try {
    await handle.write(Buffer.alloc(1 << 20), 0, 1 << 20, size - (1 << 20))
  } finally {
    await handle.close()
  }
  await utimes(file, atime, mtime)
}

it('a model whose weights changed is rounded anew, however they were changed', async () => {
  vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'))
  const sizes = { d: 256, layers: 2, heads: 4, ffn: 512, vocab: 16384 }
  await writeRandomPair(folder, pairSizes.parse(sizes))
  const path = join(folder, 'reward')
  const file = join(path, 'model.safetensors')
  await cp(file, join(folder, 'original'), { preserveTimestamps: true })
  await sleep(SETTLED_MS)
  const first = await rewardOf(path)
  expect(await readdir(join(folder, 'cache', 'rxargs', 'hashes'))).toHaveLength(1)
  expect(await rewardOf(path)).toBe(first)

  await alter(file)
  const altered = await rewardOf(path)
  expect(altered).not.toBe(first)
  expect(altered).toBe(await rewardOf(path, false))

  await sleep(SETTLED_MS)
  expect(await rewardOf(path)).toBe(altered)
  await rename(join(folder, 'original'), file)
  expect(await rewardOf(path)).toBe(first)
  expect(await readdir(join(folder, 'cache', 'rxargs', 'weights'))).toHaveLength(2)
})
