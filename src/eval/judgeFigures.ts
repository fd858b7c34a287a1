import { type Estimate, wilson } from './wilson.js'

/** Scores of both runs' replies to one prompt. `first` is the run whose reply came first, if there was an order. */
export type Judgement = Readonly<{ id: string; a: number; b: number; first?: 'a' | 'b' }>

export type JudgeFigures = Readonly<{
  judged: number
  /** How many prompts give A the higher, the same and the lower score. */
  win: number
  tie: number
  lose: number
  /** Share of prompts on which A is at least as good, with Wilson's 95% interval; null without prompts. */
  winTie: Estimate | null
  meanA: number | null
  meanB: number | null
  /**
   * Share of the decided prompts that the first reply won, with its interval. The order is random, so for a judge without a bias the
   * interval holds 0.5. Null without orders or without winners.
   */
  firstWins: Estimate | null
}>

/** Computes the figures of run A against run B from judgements. */
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
