import type { RowKey } from '../core/run.js'
import { uniform } from '../core/uniform.js'

type Drawn = Readonly<{ key: RowKey; at: number }>

/**
 * Keeps `size` of all added keys, drawn by seed, id and sample alone. Runs of the same prompts keep the same keys, whatever the order of
 * their rows.
 */
export function keptSample(size: number, seed: number) {
  let kept: Drawn[] = []
  return {
    add(key: RowKey): void {
      const at = uniform(seed, key.id, key.sample, 0)
      if (size === 0 || (kept.length === size && at >= kept.at(-1)!.at)) return
      kept = [...kept, { key: { id: key.id, sample: key.sample }, at }].sort((one, other) => one.at - other.at).slice(0, size)
    },
    keys: (): RowKey[] => kept.map(({ key }) => key),
  }
}
