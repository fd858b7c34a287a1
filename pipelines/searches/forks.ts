import { from, last, map, type Observable } from 'rxjs'
import { RewardError } from '../../src/core/errors.js'
import type { Reward } from '../../src/core/model.js'
import type { Sequence } from '../../src/core/sequence.js'
import type { DecoderModels } from '../../src/core/step.js'

/** The value of a sequence that a search chooses by. @throws RewardError down the error channel unless it is a finite number */
export function finiteValue(reward: Reward, sequence: Sequence): Observable<number> {
  return from(reward.value(sequence)).pipe(
    last(),
    map((value) => {
      if (!Number.isFinite(value)) throw new RewardError(`Reward \`${reward.name}\` gave ${value} for a reply`)
      return value
    }),
  )
}

/** Frees what the models have cached for a fork. */
export function freeFork({ lm, rewards }: DecoderModels, fork: Sequence): void {
  lm.release(fork)
  for (const each of rewards.values()) each.release?.(fork)
}
