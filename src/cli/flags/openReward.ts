import { availableParallelism } from 'node:os'
import type { Source, TextReward } from '../../core/rewardSource.js'
import { isQuantized, type WeightDtype } from '../../models/graph/quantize.js'
import { hashModel } from '../../models/hashModel.js'
import { type LoadedReward, loadReward } from '../../models/loadReward.js'
import { recordedPath } from '../../models/recordedPath.js'
import { remoteReward } from '../../models/remote/remoteReward.js'
import type { RewardPath } from './flags.js'

const MAX_BATCH = 64

/** A reward model or server, ready to score texts. `origin` identifies it. */
export type OpenedReward = Omit<LoadedReward, 'source' | 'label'> &
  Readonly<{ source: LoadedReward['source'] | TextReward; origin: () => Promise<Source> }>

/**
 * Opens a reward model or server.
 *
 * @throws as `loadReward` and `remoteReward`
 */
export async function openReward(
  { name, path, url, label }: RewardPath,
  dtype: WeightDtype,
  timeoutMs?: number,
): Promise<OpenedReward> {
  const labelOption = label !== undefined && { label }
  if (url !== undefined) {
    const source = remoteReward({ name, url, ...labelOption, ...(timeoutMs !== undefined && { timeoutMs }) })
    return { source, origin: async () => source.source!, notices: [], close: async () => undefined }
  }
  const { label: read, ...loaded } = await loadReward(
    { name, path, ...labelOption },
    { threads: availableParallelism(), maxBatch: MAX_BATCH, dtype },
  )
  const decisive = { ...(isQuantized(dtype) && { dtype }), ...(read !== undefined && { label: read }) }
  return {
    ...loaded,
    origin: async () => ({ path: await recordedPath(path), sha256: await hashModel(path, dtype), ...decisive }),
  }
}
