import { readdir, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, delimiter, join } from 'node:path'

/** Variables that name manifests instead of the system's folders, the first before the second. */
const NAMING = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES'] as const

/** The variable that names the drivers, with its value; nothing if the system's folders count. */
export function namedDrivers(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const name = NAMING.find((each) => env[each] !== undefined)
  return name && `${name}=${env[name]}`
}

/**
 * The manifests of Vulkan drivers that the loader reads on Linux.
 *
 * @see the Vulkan loader's documentation, LoaderDriverInterface.md, "Driver Discovery"
 */
export async function vulkanDrivers(env: NodeJS.ProcessEnv = process.env): Promise<string[]> {
  const named = env[NAMING.find((name) => env[name] !== undefined) ?? '']
  const paths = named !== undefined ? split(named) : [...split(env.VK_ADD_DRIVER_FILES ?? ''), ...folders(env)]
  const found = await Promise.all(paths.map(manifests))
  return [...new Set(found.flat())]
}

const split = (paths: string): string[] => paths.split(delimiter).filter((path) => path !== '')

function folders(env: NodeJS.ProcessEnv): string[] {
  const home = env.HOME ?? homedir()
  return [
    env.XDG_CONFIG_HOME || join(home, '.config'),
    ...split(env.XDG_CONFIG_DIRS || '/etc/xdg'),
    '/etc',
    env.XDG_DATA_HOME || join(home, '.local/share'),
    ...split(env.XDG_DATA_DIRS || '/usr/local/share:/usr/share'),
  ].map((folder) => join(folder, 'vulkan', 'icd.d'))
}

async function manifests(path: string): Promise<string[]> {
  const entry = await stat(path).catch(() => undefined)
  if (!entry) return []
  return (entry.isDirectory() ? await readdir(path) : [path])
    .filter((name) => name.endsWith('.json'))
    .map((name) => basename(name))
}
