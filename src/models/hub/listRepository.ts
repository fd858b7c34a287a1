import { ModelError, messageOf, OptionError } from '../../core/errors.js'
import { hubRequest } from './hubRequest.js'
import type { HubSettings } from './hubSettings.js'
import { checkPaths, type HubFile } from './neededFiles.js'
import type { Repository } from './repository.js'

/** The hub's client is not installed with this package. */
async function hubClient(): Promise<typeof import('@huggingface/hub')> {
  try {
    return await import('@huggingface/hub')
  } catch (error) {
    throw new OptionError(
      `\`rxargs pull\` needs the package @huggingface/hub: npm install @huggingface/hub (${messageOf(error)})`,
    )
  }
}

const COMMIT = /^[0-9a-f]{40}$/
const HASH = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/

/**
 * The commit of a model's revision, and the files it has there.
 *
 * @throws ModelError when the hub refuses, or answers what is no listing
 * @throws OptionError when @huggingface/hub is not installed
 */
export async function listRepository(
  settings: HubSettings,
  repository: Repository,
  signal?: AbortSignal,
): Promise<Readonly<{ commit: string; files: readonly HubFile[] }>> {
  const { modelInfo, listFiles } = await hubClient()
  const { name, revision } = repository
  const common = { hubUrl: settings.endpoint, fetch: hubRequest(settings, repository, signal) }
  try {
    const { sha: commit } = await modelInfo({ name, revision, additionalFields: ['sha'], ...common })
    if (typeof commit !== 'string' || !COMMIT.test(commit)) throw new TypeError(`its commit is \`${String(commit)}\``)
    const files: HubFile[] = []
    for await (const file of listFiles({ repo: { type: 'model', name }, revision: commit, recursive: true, ...common })) {
      if (file.type !== 'file') continue
      const sha256 = file.lfs?.oid
      if (!HASH.test(sha256 ?? file.oid ?? '')) throw new TypeError(`it lists ${file.path} without a hash`)
      files.push({ path: file.path, size: file.lfs?.size ?? file.size, ...(sha256 ? { sha256 } : { oid: file.oid }) })
    }
    checkPaths(files, name)
    return { commit, files }
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof ModelError) throw error
    throw new ModelError(`${settings.endpoint} gives no listing of ${name}: ${messageOf(error)}`)
  }
}
