import type { ReplySoFar, TextReward } from '../../src/core/rewardSource.js'
import { batchTextReward } from './textReward.js'

/** A pure function of a reply as a reward; `spec` is the function and its options as data. */
export const replyReward = (
  name: string,
  spec: Readonly<Record<string, unknown>>,
  score: (reply: ReplySoFar) => number,
): TextReward => ({ ...batchTextReward(name, (_texts, _signal, replies) => replies.map(score)), spec })
