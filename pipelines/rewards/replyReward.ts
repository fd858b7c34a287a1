import type { ReplySoFar, TextReward } from '../../src/core/rewardSource.js'
import { batchTextReward } from './textReward.js'

/** Makes a reward of a pure function of the reply. `spec` holds the function's name and options. */
export const replyReward = (
  name: string,
  spec: Readonly<Record<string, unknown>>,
  score: (reply: ReplySoFar) => number,
): TextReward => ({ ...batchTextReward(name, (_texts, _signal, replies) => replies.map(score)), spec })
