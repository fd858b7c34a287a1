import type { Judged } from '../../../pipelines/evaluation/judge.js'
import type { JudgeFigures } from '../../eval/judgeFigures.js'
import { formatFigure, interval } from '../print/evalTable.js'

export type JudgeTable = Judged &
  JudgeFigures &
  Readonly<{ a: string; b: string; judge: string; calls?: number; tokens?: number }>

/** Formats the verdict of a judge as text. */
export function judgeTable(table: JudgeTable): string[] {
  const { a, b, judged, win, tie, lose, winTie, meanA, meanB, firstWins, calls, tokens } = table
  const lines = [
    ['judged', `${judged} prompts`],
    ['A', `${a}, mean score ${formatFigure(meanA)}`],
    ['B', `${b}, mean score ${formatFigure(meanB)}`],
    ['A wins', `${win}, ties ${tie}, loses ${lose}`],
    ['win-tie of A', interval(winTie)],
    ...(calls === undefined
      ? []
      : [['shown first wins', firstWins ? `${interval(firstWins)}: ${biasOf(firstWins)}` : 'no decisions']]),
    ...(calls === undefined ? [] : [['cost', `${calls} calls, ${tokens} tokens reported`]]),
  ]
  return lines.map(([name, value]) => `${name!.padEnd(18)}${value}`)
}

const biasOf = ({ low, high }: Readonly<{ low: number; high: number }>): string =>
  low <= 0.5 && 0.5 <= high ? 'no sign of a position bias' : `the judge favours the ${low > 0.5 ? 'first' : 'second'} reply`

/** Formats the verdict as JSON. */
export const judgeJson = ({
  judgements: _,
  failure: __,
  winTie,
  meanA,
  meanB,
  firstWins,
  ceiling,
  ...table
}: JudgeTable): string =>
  JSON.stringify(
    { ...table, ceiling: ceiling ?? null, win_tie: winTie, mean_a: meanA, mean_b: meanB, first_wins: firstWins },
    null,
    1,
  )
