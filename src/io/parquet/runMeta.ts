import type { RunMeta } from '../../core/run.js'

/** The key under which a part file carries what went into its run. */
export const RUN_KEY = 'rxargs.run'

/** What went into the run of a part file, of its metadata; undefined where it is no part of a run. */
export function runMeta(metadata: ReadonlyMap<string, string>): RunMeta | undefined {
  try {
    const meta = JSON.parse(metadata.get(RUN_KEY) ?? '') as RunMeta
    return typeof meta === 'object' && meta !== null && typeof meta.spec === 'object' ? meta : undefined
  } catch {
    return undefined
  }
}
