import { isPart, isUnfinishedPart } from './parquet/partNames.js'
import { openStore } from './stores/openStore.js'
import type { PartStore } from './stores/PartStore.js'

/** Names at most this many files. */
const NAMED = 3

const list = (names: readonly string[]): string =>
  `${names.slice(0, NAMED).join(', ')}${names.length > NAMED ? ` and ${names.length - NAMED} more` : ''}`

/**
 * Says which files of a run's folder look like rows but are not read: Parquet files under other names than parts, and unfinished parts. In
 * a folder without parts all Parquet files are read. A path that is no folder has none.
 *
 * @param options.store the place of the path, if it is open
 * @param options.writing whether a run is about to write parts there
 */
export async function strayFiles(
  path: string,
  { store = openStore(path), writing = false }: Readonly<{ store?: PartStore; writing?: boolean }> = {},
): Promise<string[]> {
  const names = await store.list().catch(() => [])
  if (!writing && !names.some(isPart)) return []
  const foreign = names.filter((name) => name.endsWith('.parquet') && !name.startsWith('.') && !isPart(name)).sort()
  const unfinished = names.filter(isUnfinishedPart).sort()
  return [
    ...(foreign.length > 0
      ? [`${path}: ${list(foreign)} ${are(foreign)} not read, because the parts of a run are named part-00000.parquet`]
      : []),
    ...(unfinished.length > 0
      ? [`${path}: ${list(unfinished)} ${are(unfinished)} unfinished, from a run that still writes or was killed`]
      : []),
  ]
}

const are = ({ length }: readonly string[]): string => (length === 1 ? 'is' : 'are')
