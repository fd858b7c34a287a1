import type { Source, TextReward } from '../../core/rewardSource.js'
import { decisiveOf } from '../../models/device.js'
import { hashModel } from '../../models/hashModel.js'
import { type LoadedReward, loadReward } from '../../models/loadReward.js'
import { recordedPath } from '../../models/recordedPath.js'
import { remoteReward } from '../../models/remote/remoteReward.js'
import type { engineOf } from './engineFlags.js'
import type { RewardPath } from './flags.js'

type Engine = Awaited<ReturnType<typeof engineOf>>

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
  engine: Engine,
  timeoutMs?: number,
): Promise<OpenedReward> {
  const labelOption = label !== undefined && { label }
  if (url !== undefined) {
    const source = remoteReward({ name, url, ...labelOption, ...(timeoutMs !== undefined && { timeoutMs }) })
    return { source, origin: async () => source.source!, notices: [], close: async () => undefined }
  }
  const { dtype, device, cache } = engine
  const hash = hashModel(path, dtype, cache)
  // Loading reports what is wrong with a folder, also if hashing fails first.
  hash.catch(() => undefined)
  const { label: read, ...loaded } = await loadReward({ name, path, ...labelOption }, { ...engine, hash })
  const decisive = { ...decisiveOf(dtype, device), ...(read !== undefined && { label: read }) }
  return {
    ...loaded,
    origin: async () => ({ path: await recordedPath(path), sha256: await hash, ...decisive }),
  }
}
