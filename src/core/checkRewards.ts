import { RewardError } from './errors.js'

/** @throws RewardError unless a reward gave one finite number a candidate */
export function checkRewards(name: string, rewards: Float32Array, tokenIds: Int32Array): void {
  if (rewards?.length !== tokenIds.length)
    throw new RewardError(`Reward \`${name}\` gave ${rewards?.length ?? 'no'} numbers for ${tokenIds.length} candidates`)
  const bad = rewards.findIndex((value) => !Number.isFinite(value))
  if (bad !== -1) throw new RewardError(`Reward \`${name}\` gave ${rewards[bad]} for candidate ${bad} (token ${tokenIds[bad]})`)
}
