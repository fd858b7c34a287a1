import { type Estimate, wilson } from './wilson.js'

/** Scores of both runs' replies to one prompt; `first`: whose reply was shown first, where there was an order. */
export type Judgement = Readonly<{ id: string; a: number; b: number; first?: 'a' | 'b' }>

export type JudgeFigures = Readonly<{
  judged: number
  /** Prompts on which A has the higher, the same and the lower score. */
  win: number
  tie: number
  lose: number
  /** Share of prompts on which A is at least as good, with Wilson's 95% interval; null of nothing. */
  winTie: Estimate | null
  meanA: number | null
  meanB: number | null
  /**
   * How often the reply shown first won where one of them did, with its interval: a judge without a bias for a position has 0.5 in
   * it, because the order was random. Null without orders, or winners.
   */
  firstWins: Estimate | null
}>

/** What judgements say of run A against run B. */
export function judgeFigures(judgements: readonly Judgement[]): JudgeFigures {
  const judged = judgements.length
  const win = judgements.filter(({ a, b }) => a > b).length
  const tie = judgements.filter(({ a, b }) => a === b).length
  const decided = judgements.filter(({ a, b, first }) => first !== undefined && a !== b)
  const byFirst = decided.filter(({ a, b, first }) => (first === 'a') === a > b).length
  const mean = (of: (judgement: Judgement) => number): number | null =>
    judged === 0 ? null : judgements.reduce((sum, judgement) => sum + of(judgement), 0) / judged
  return {
    ...{ judged, win, tie, lose: judged - win - tie },
    winTie: wilson(win + tie, judged) ?? null,
    meanA: mean(({ a }) => a),
    meanB: mean(({ b }) => b),
    firstWins: wilson(byFirst, decided.length) ?? null,
  }
}
