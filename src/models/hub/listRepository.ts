import { ModelError, messageOf } from '../../core/errors.js'
import { hubRequest } from './hubRequest.js'
import type { HubSettings } from './hubSettings.js'
import { checkPaths, type HubFile } from './neededFiles.js'
import type { Repository } from './repository.js'

const COMMIT = /^[0-9a-f]{40}$/
const HASH = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/

type Get = (url: string) => Promise<Response>

/**
 * Lists the files of a model at the commit of its revision.
 *
 * @throws ModelError if the hub refuses, or its answer is no listing
 * @see https://huggingface.co/docs/hub/api the calls `revision` and `tree`
 */
export async function listRepository(
  settings: HubSettings,
  repository: Repository,
  signal?: AbortSignal,
): Promise<Readonly<{ commit: string; files: readonly HubFile[] }>> {
  const { name, revision } = repository
  const request = hubRequest(settings, repository, signal)
  const get: Get = (url) => request(url, { headers: { accept: 'application/json' } })
  const model = `${settings.endpoint}/api/models/${name}`
  try {
    const commit = await commitOf(get, `${model}/revision/${encodeURIComponent(revision)}?expand=sha`)
    const files: HubFile[] = []
    for await (const entry of entries(get, `${model}/tree/${commit}?recursive=true`)) {
      const file = fileOf(entry)
      if (file !== undefined) files.push(file)
    }
    checkPaths(files, name)
    return { commit, files }
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof ModelError) throw error
    throw new ModelError(`${settings.endpoint} returned no valid listing of ${name}: ${messageOf(error)}`)
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null

async function commitOf(get: Get, url: string): Promise<string> {
  const info: unknown = await (await get(url)).json()
  const commit = isObject(info) ? info.sha : undefined
  if (typeof commit !== 'string' || !COMMIT.test(commit)) throw new TypeError(`its commit is \`${String(commit)}\``)
  return commit
}

/** Reads a listing page by page: the `Link` header of a page has the address of the next. */
async function* entries(get: Get, first: string): AsyncGenerator<unknown> {
  const { origin } = new URL(first)
  const pages = new Set<string>()
  for (let url: string | undefined = first; url !== undefined; ) {
    if (pages.has(url)) throw new TypeError(`its page ${url} links to itself`)
    pages.add(url)
    const response = await get(url)
    const page: unknown = await response.json()
    if (!Array.isArray(page)) throw new TypeError('a page of it is not a list')
    yield* page
    url = nextPage(response.headers.get('link'), url)
    // The request would send the token there.
    if (url !== undefined && new URL(url).origin !== origin) throw new TypeError(`its next page is on another server, ${url}`)
  }
}

/** @see https://www.rfc-editor.org/rfc/rfc8288 section 3 */
function nextPage(link: string | null, page: string): string | undefined {
  for (const [, target, parameters] of (link ?? '').matchAll(/<([^>]*)>([^<]*)/g))
    if (target !== undefined && /;\s*rel\s*=\s*"?next\b/i.test(parameters ?? '')) return new URL(target, page).href
  return undefined
}

function fileOf(entry: unknown): HubFile | undefined {
  if (!isObject(entry) || typeof entry.path !== 'string') throw new TypeError('it lists a file without a path')
  const { path, oid } = entry
  if (entry.type !== 'file') return undefined
  const lfs = isObject(entry.lfs) ? entry.lfs : undefined
  const hash = lfs?.oid ?? oid
  if (typeof hash !== 'string' || !HASH.test(hash)) throw new TypeError(`it lists ${path} without a hash`)
  const size = lfs?.size ?? entry.size
  if (typeof size !== 'number' || !Number.isInteger(size) || size < 0) throw new TypeError(`it lists ${path} without a size`)
  return { path, size, ...(lfs?.oid === undefined ? { oid: hash } : { sha256: hash }) }
}
