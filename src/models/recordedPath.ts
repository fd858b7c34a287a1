import { stat } from 'node:fs/promises'
import { relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { joinAdapter } from './checkpoint/adapter/adapterPath.js'
import { parseRepository, parseRepositoryFile } from './hub/repository.js'

/** What stands before the name of a model that comes with the package. */
const EMBEDDED = 'embedded:'
const home = fileURLToPath(new URL('../../../data/models', import.meta.url))

/**
 * A model's path as a run records it, so that it is found from any working directory: `embedded:NAME` of one that comes with the
 * package, wherever that is installed; ORG/NAME as it is, also with a file; both parts of BASE+ADAPTER so; any other
 * absolute.
 */
export async function recordedPath(given: string): Promise<string> {
  const isThere = await stat(given).then(
    () => true,
    () => false,
  )
  const at = given.lastIndexOf('+')
  if (!isThere && at > 0) return joinAdapter(await recordedPath(given.slice(0, at)), await recordedPath(given.slice(at + 1)))
  if (given.startsWith(EMBEDDED) || (!isThere && (parseRepository(given) ?? parseRepositoryFile(given)) !== undefined))
    return given
  const path = resolve(given)
  const within = relative(home, path)
  const isEmbedded = within !== '' && !within.startsWith('..') && resolve(home, within) === path
  return isEmbedded ? `${EMBEDDED}${within.split(sep).join('/')}` : path
}

/** The folder or file of a path that begins with `embedded:`; any other path as it is. */
export const unrecordedPath = (path: string): string =>
  path.startsWith(EMBEDDED) ? resolve(home, path.slice(EMBEDDED.length)) : path
