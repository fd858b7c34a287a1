import { ModelError, messageOf } from '../../core/errors.js'
import type { HubSettings } from './hubSettings.js'
import type { Repository } from './repository.js'

/** The hub cannot be reached, or a connection broke. Another attempt may succeed. */
export class ConnectionError extends ModelError {}

/** The cause of fetch's "fetch failed". */
export const causeOf = (error: unknown): string => {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error ? ('code' in cause && String(cause.code)) || cause.message : messageOf(error)
}

function refusal(status: number, code: string | null, { endpoint, token }: HubSettings, { name, revision }: Repository): string {
  const page = `${endpoint}/${name}`
  if (code === 'RevisionNotFound') return `${name} has no revision \`${revision}\` on ${endpoint}`
  if (code === 'EntryNotFound') return `${name} lacks a file that it lists on ${endpoint}`
  if (code === 'GatedRepo' || status === 403)
    return token
      ? `${name} is gated, and the token in use may not read it: ask for access on ${page}`
      : `${name} is gated: ask for access on ${page} and give a token in HF_TOKEN`
  if (status === 401 && token)
    return `${endpoint} refuses the token in use for ${name}: check HF_TOKEN, and that the model exists`
  if (status === 401 || status === 404 || code === 'RepoNotFound')
    return `There is no model ${name} on ${endpoint}${token ? '' : ', or it needs a token: give one in HF_TOKEN'}`
  if (status === 429)
    return `${endpoint} has had too many requests: try again later${token ? '' : ', or give a token in HF_TOKEN'}`
  return `${endpoint} answers ${status} for ${name}`
}

/**
 * `fetch` for one model. It sends the token only to the hub, never to the target of a redirect. It turns a refusal into one line.
 *
 * @returns a response that is ok or has one of the statuses in `also`
 */
export const hubRequest =
  (settings: HubSettings, repository: Repository, signal?: AbortSignal, also: readonly number[] = []) =>
  async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers)
    if (settings.token) headers.set('authorization', `Bearer ${settings.token}`)
    headers.set('user-agent', 'rxargs')
    let response: Response
    try {
      response = await fetch(input, { ...init, headers, ...(signal && { signal }) })
    } catch (error) {
      signal?.throwIfAborted()
      throw new ConnectionError(`Cannot reach ${settings.endpoint}: ${causeOf(error)}`)
    }
    if (response.ok || also.includes(response.status)) return response
    await response.body?.cancel()
    const text = refusal(response.status, response.headers.get('x-error-code'), settings, repository)
    throw response.status >= 500 ? new ConnectionError(text) : new ModelError(text)
  }
