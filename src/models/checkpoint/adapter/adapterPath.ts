import { stat } from 'node:fs/promises'
import { join } from 'node:path'

export const ADAPTER_CONFIG = 'adapter_config.json'

/** An adapter's folder, and its base model if the path names one. */
export type AdapterPath = Readonly<{ folder: string; base?: string }>

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  )

/** Separates a base model from its adapter in a path. */
const JOIN = '+'

/** Joins a base model and its adapter to one path. */
export const joinAdapter = (base: string, adapter: string): string => `${base}${JOIN}${adapter}`

/**
 * Splits the path of an adapter: its folder, or `BASE+FOLDER`. Undefined for any other path.
 *
 * @param folderOf finds the folder of a name that is no path, such as a model in the hub's cache
 */
export async function splitAdapter(
  path: string,
  folderOf: (name: string) => Promise<string> = async (name) => name,
): Promise<AdapterPath | undefined> {
  if (await isFile(join(path, ADAPTER_CONFIG))) return { folder: path }
  for (let at = path.indexOf(JOIN); at !== -1; at = path.indexOf(JOIN, at + 1)) {
    const [base, name] = [path.slice(0, at), path.slice(at + 1)]
    if (base === '' || name === '') continue
    const folder = await folderOf(name).catch(() => name)
    if (await isFile(join(folder, ADAPTER_CONFIG))) return { folder, base }
  }
  return undefined
}
