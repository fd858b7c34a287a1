import type { TracedReply } from '../core/run.js'

/** A candidate of a step. Numbers that were not finite are null. */
export type Candidate = Readonly<{
  tokenId: number
  logit: number | null
  /** By the name of the reward. */
  rewards: Readonly<Record<string, number | null>>
  score: number | null
}>

/**
 * One step of a reply with its candidates.
 *
 * - `position`: index of the token in `tokenIds`, from 0
 * - `chosen`, `greedy`, `best`: index of the candidate that was chosen, has the highest logit, and has the highest score; ties to the first,
 *   −1 without one. Greedy decoding chooses `greedy`, unless its own choice is not among the candidates.
 * - `differs`: greedy decoding would have taken another token
 */
export type Decision = Readonly<{
  position: number
  tokenId: number
  candidates: readonly Candidate[]
  chosen: number
  greedy: number
  best: number
  differs: boolean
}>

/** The steps of a reply as decisions; empty if it has no trace. */
export const decisions = ({ tokenIds, trace }: Pick<TracedReply, 'tokenIds' | 'trace'>): Decision[] =>
  (trace ?? []).flatMap((step, position): Decision[] => {
    const tokenId = tokenIds?.[position]
    if (tokenId === undefined) return []
    const candidates = step.tokenIds.map(
      (id, index): Candidate => ({
        tokenId: id,
        logit: step.logits[index] ?? null,
        rewards: Object.fromEntries(Object.entries(step.rewards).map(([name, values]) => [name, values[index] ?? null])),
        score: step.scores[index] ?? null,
      }),
    )
    const greedy = highest(candidates, ({ logit }) => logit)
    return [
      {
        ...{ position, tokenId, candidates, greedy },
        chosen: step.tokenIds.indexOf(tokenId),
        best: highest(candidates, ({ score }) => score),
        differs: greedy >= 0 && candidates[greedy]!.tokenId !== tokenId,
      },
    ]
  })

function highest(candidates: readonly Candidate[], of: (candidate: Candidate) => number | null): number {
  return candidates.reduce((found, candidate, index) => {
    const value = of(candidate)
    if (value === null) return found
    return found < 0 || value > of(candidates[found]!)! ? index : found
  }, -1)
}
