import type { Reply } from './reply.js'

type Numbers = readonly (number | null)[]

/** The candidates of one step as a row holds them, likeliest first as a rule; numbers that were not finite are null. */
export type ReadStep = Readonly<{
  tokenIds: readonly number[]
  logits: Numbers
  /** By the rewards' names: those that scored these candidates. */
  rewards: Readonly<Record<string, Numbers>>
  scores: Numbers
}>

/** A finished row with the candidates of its steps; `trace` is null where the row has none. */
export type TracedReply = Reply & Readonly<{ error: string | null; trace: readonly ReadStep[] | null }>
