import type { TracedReply } from '../core/run.js'

/** A token that might have been next; numbers that were not finite are null. */
export type Candidate = Readonly<{
  tokenId: number
  logit: number | null
  /** By the rewards' names. */
  rewards: Readonly<Record<string, number | null>>
  score: number | null
}>

/**
 * One step of a reply and what it was chosen from.
 *
 * - `position`: of the token in `tokenIds`, from 0
 * - `chosen`, `greedy`, `best`: which candidate was taken, has the highest logit, and the highest score; ties to the first, −1 where none
 *   is. `greedy` is what greedy decoding would have taken, unless it was dropped before the candidates were written.
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

/** The steps of a reply as decisions; none where it has no trace. */
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
