import { cp, mkdir, mkdtemp, readdir, realpath, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadModel } from '../../../src/models/loadModel.js'

const source = fileURLToPath(new URL('../../../data/golden/linear/lm', import.meta.url))
let folder: string
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'rxargs-load-')))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function logits(path: string): Promise<Float32Array> {
  const { worker } = await loadModel(path, { head: 'lm', role: 'lm', threads: 1 })
  try {
    const [answer] = await worker.run([{ key: {}, tokenIds: Int32Array.of(5, 6, 7), branches: [[]], decode: true }])
    return answer!.values
  } finally {
    await worker.close()
  }
}

describe('loadModel', () => {
  it('reads shards with real files in different folders', async () => {
    for (const [index, name] of (await readdir(source)).entries()) {
      const disk = join(folder, `disk${index}`)
      await mkdir(disk)
      await cp(join(source, name), join(disk, name))
      await mkdir(join(folder, 'model'), { recursive: true })
      await symlink(join(disk, name), join(folder, 'model', name))
    }
    expect(await logits(join(folder, 'model'))).toEqual(await logits(source))
  })

  it('ends the worker if it cannot read the tokenizer', async () => {
    await cp(source, join(folder, 'model'), { recursive: true })
    await rm(join(folder, 'model', 'tokenizer.json'))
    await expect(loadModel(join(folder, 'model'), { head: 'lm', role: 'lm', threads: 1 })).rejects.toThrow(
      /Expected .*tokenizer\.json, found no such file/,
    )
  })
})
