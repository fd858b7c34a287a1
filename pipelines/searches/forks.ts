import { from, last, map, type Observable } from 'rxjs'
import { RewardError } from '../../src/core/errors.js'
import type { Reward } from '../../src/core/model.js'
import type { Sequence } from '../../src/core/sequence.js'
import type { DecoderModels } from '../../src/core/step.js'

/**
 * Reads the reward of a sequence.
 *
 * - errors: `RewardError` unless it is a finite number
 */
export function finiteValue(reward: Reward, sequence: Sequence): Observable<number> {
  return from(reward.value(sequence)).pipe(
    last(),
    map((value) => {
      if (!Number.isFinite(value)) throw new RewardError(`Reward \`${reward.name}\` returned ${value} for a reply`)
      return value
    }),
  )
}

/** Frees the models' caches of a fork. */
export function freeFork({ lm, rewards }: DecoderModels, fork: Sequence): void {
  lm.release(fork)
  for (const each of rewards.values()) each.release?.(fork)
}
