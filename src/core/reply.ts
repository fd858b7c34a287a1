import type { Row } from './types.js'

/** A finished row as evaluation reads it. */
export type Reply = Readonly<
  Pick<Row, 'id' | 'sample' | 'prompt' | 'completion' | 'promptTokenIds' | 'tokenIds' | 'finishReason' | 'reward'> & {
    /** Of further rewards, by name. */
    otherRewards?: Readonly<Record<string, number | null>>
  }
>
