import type { RunMeta } from '../../core/run.js'

/** Key of the run's metadata in a part file. */
export const RUN_KEY = 'rxargs.run'

/** Reads the run's metadata from a part file's; undefined if the file is no part of a run. */
export function runMeta(metadata: ReadonlyMap<string, string>): RunMeta | undefined {
  try {
    const meta = JSON.parse(metadata.get(RUN_KEY) ?? '') as RunMeta
    return typeof meta === 'object' && meta !== null && typeof meta.spec === 'object' ? meta : undefined
  } catch {
    return undefined
  }
}
