import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { OptionError } from '../../core/errors.js'

/** Variables of the environment, by name. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Address of the hub, folder of the cache, and the token. */
export type HubSettings = Readonly<{ endpoint: string; cacheFolder: string; token?: string }>

/** The folder of the Python tools' cache: `HF_HUB_CACHE`, else `hub` in `HF_HOME`, else in ~/.cache/huggingface. */
export function hubCacheFolder(environment: Environment): string {
  const { HF_HUB_CACHE: cache, HUGGINGFACE_HUB_CACHE: older } = environment
  return cache || older || join(hubHome(environment), 'hub')
}

const hubHome = ({ HF_HOME: home, XDG_CACHE_HOME: caches }: Environment): string =>
  home || join(caches || join(homedir(), '.cache'), 'huggingface')

/**
 * Reads the hub's address, cache and token from the environment as the Python tools do: `HF_ENDPOINT`, `HF_TOKEN` (else the file
 * of a login), `HF_HUB_CACHE`, `HF_HOME`.
 *
 * @throws OptionError for an invalid address, and if `HF_HUB_OFFLINE` forbids the network
 */
export async function hubSettings(environment: Environment): Promise<HubSettings> {
  const { HF_ENDPOINT: address, HF_HUB_OFFLINE: offline } = environment
  if (offline && !/^(0|no|off|false)$/i.test(offline))
    throw new OptionError(`\`HF_HUB_OFFLINE\` is ${offline}, so downloads are off`)
  const endpoint = (address || 'https://huggingface.co').replace(/\/+$/, '')
  if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol))
    throw new OptionError(`Expected \`HF_ENDPOINT\` to be an address such as https://huggingface.co, got \`${address}\``)
  const token = await tokenOf(environment)
  return { endpoint, cacheFolder: hubCacheFolder(environment), ...(token && { token }) }
}

async function tokenOf(environment: Environment): Promise<string | undefined> {
  const { HF_TOKEN: token, HUGGING_FACE_HUB_TOKEN: older, HF_TOKEN_PATH: path } = environment
  if (token || older) return (token || older)!.trim()
  try {
    return (await readFile(path || join(hubHome(environment), 'token'), 'utf8')).trim()
  } catch {
    return undefined // Nobody has logged in.
  }
}
