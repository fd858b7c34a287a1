import type { Row } from './types.js'

/** A finished row as evaluation reads it. */
export type Reply = Readonly<
  Pick<Row, 'id' | 'sample' | 'prompt' | 'completion' | 'promptTokenIds' | 'tokenIds' | 'finishReason' | 'reward'> & {
    /** Of further rewards, by name. */
    otherRewards?: Readonly<Record<string, number | null>>
  }
>

/** What gives a run's reward: `identity` is equal for equal functions and models, `about` says it in words. */
export type RewardKind = Readonly<{ identity: string; about: string }>
