import { stat } from 'node:fs/promises'
import { relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { joinAdapter } from './checkpoint/adapter/adapterPath.js'
import { parseRepository, parseRepositoryFile } from './hub/repository.js'

/** Prefix of the name of a model that comes with the package. */
const EMBEDDED = 'embedded:'
const home = fileURLToPath(new URL('../../../data/models', import.meta.url))

/**
 * Makes a model's path independent of the working directory, for a run's metadata. A model of the package is `embedded:NAME`, wherever the package
 * is installed. ORG/NAME stays as it is, also with a file. Both parts of BASE+ADAPTER are treated alike. Any other path becomes absolute.
 */
export async function recordedPath(path: string): Promise<string> {
  const isThere = await stat(path).then(
    () => true,
    () => false,
  )
  const at = path.lastIndexOf('+')
  if (!isThere && at > 0) return joinAdapter(await recordedPath(path.slice(0, at)), await recordedPath(path.slice(at + 1)))
  if (path.startsWith(EMBEDDED) || (!isThere && (parseRepository(path) ?? parseRepositoryFile(path)) !== undefined)) return path
  const whole = resolve(path)
  const within = relative(home, whole)
  const isEmbedded = within !== '' && !within.startsWith('..') && resolve(home, within) === whole
  return isEmbedded ? `${EMBEDDED}${within.split(sep).join('/')}` : whole
}

/** Resolves a path that begins with `embedded:`. Any other path stays. */
export const unrecordedPath = (path: string): string =>
  path.startsWith(EMBEDDED) ? resolve(home, path.slice(EMBEDDED.length)) : path
