import { stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { MissingModelError, ModelError } from '../core/errors.js'
import { joinAdapter, splitAdapter } from './checkpoint/adapter/adapterPath.js'
import { cachedSnapshot } from './hub/cacheLayout.js'
import { type Environment, hubCacheFolder } from './hub/hubSettings.js'
import { parseRepository, parseRepositoryFile } from './hub/repository.js'
import { unrecordedPath } from './recordedPath.js'
import { isHttp, redactAddress } from './remote/httpAddress.js'

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

/** Default name of a model: the last part of its path, or NAME of ORG/NAME@REVISION, without .gguf. */
export const modelName = (path: string): string =>
  basename(resolve(parseRepository(path)?.name ?? parseRepositoryFile(path)?.file ?? unrecordedPath(path)), '.gguf')

/**
 * Finds the folder of a model by its path, by ORG/NAME[@REVISION] in the cache that `rxargs pull` and the Python tools fill, or by `embedded:NAME`
 * of a model of the package. An existing path comes first. It never uses the network.
 *
 * @returns an absolute path. If the text cannot be ORG/NAME, the folder need not exist.
 * @throws ModelError for ORG/NAME that is neither a path nor in the cache, and for an address
 */
export async function modelFolder(text: string, environment: Environment = process.env): Promise<string> {
  const path = unrecordedPath(text)
  if (isHttp(path))
    throw new ModelError(`Expected a model folder, got the address ${redactAddress(path)}: a server cannot be this model`)
  const adapter = await splitAdapter(path, (name) => modelFolder(name, environment))
  if (adapter) {
    const folder = resolve(adapter.folder)
    return adapter.base === undefined ? folder : joinAdapter(await modelFolder(adapter.base, environment), folder)
  }
  const inRepository = parseRepositoryFile(path)
  if (inRepository && !(await isThere(path)))
    return join(await modelFolder(inRepository.repository, environment), inRepository.file)
  const repository = parseRepository(path)
  if (repository === undefined || (await isThere(path))) return resolve(path)
  const cache = hubCacheFolder(environment)
  const snapshot = await cachedSnapshot(cache, repository)
  if (snapshot !== undefined) return snapshot
  if (!repository.name.includes('/')) return resolve(path)
  throw new MissingModelError(
    `Expected a model folder at ${path}, found nothing there nor in ${cache}; \`rxargs pull ${path}\` fetches it from the hub`,
  )
}
