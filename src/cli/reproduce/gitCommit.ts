import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../../../../', import.meta.url))

/** Short hash of the commit of a git checkout with its root at `folder`, rxargs' own unless given; none elsewhere, or without git. */
export async function gitCommit(folder = root): Promise<string | undefined> {
  // The prefix is empty at a checkout's root: a package installed within another repository is not of that one's commit.
  const asked = promisify(execFile)('git', ['rev-parse', '--show-prefix', '--short', 'HEAD'], { cwd: folder, encoding: 'utf8' })
  const [prefix, hash] = await asked.then(
    ({ stdout }) => stdout.split(/\r?\n/),
    () => [],
  )
  return prefix === '' && hash ? hash : undefined
}
