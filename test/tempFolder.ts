import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'

/** Makes a folder for each test of a file and removes it afterwards. `use` gets its path before the test. */
export function tempFolder(use: (path: string) => void): void {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rxargs-test-'))
    use(folder)
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))
}
