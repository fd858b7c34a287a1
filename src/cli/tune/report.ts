import type { Tuned, TuneRow } from '../../../pipelines/evaluation/tune.js'
import { tuneWarnings } from '../../../pipelines/evaluation/tuneWarnings.js'
import { formatFigure, interval } from '../print/evalTable.js'
import { type Cells, formatTable, type TableFormat } from '../print/formatTable.js'

/** `command`: the command that decodes with the best setting. */
type Reported = Tuned & Readonly<{ command: string }>

function cellsOf({ rows, best }: Tuned): Cells {
  const line = (row: TuneRow): string[] => {
    const { name, rows: count, reward, judge, judgeInterval, diversity, length, differences, winTie, errors } = row
    const isBest = best ? name === best.name : row.point === undefined
    return [
      `${name}${isBest ? ' *' : ''}`,
      ...[String(count), formatFigure(reward)],
      ...[
        interval(judge === null || judgeInterval === null ? null : { value: judge, ...judgeInterval }),
        interval(differences?.judge),
      ],
      ...[interval(winTie), formatFigure(diversity), formatFigure(length), String(errors)],
    ]
  }
  const head = [
    'setting',
    'rows',
    'guide',
    'judge [95%]',
    'judge minus greedy [95%]',
    'win-tie [95%]',
    'diversity',
    'length',
    'errors',
  ]
  return [head, ...rows.map(line)]
}

/** One line per setting. */
export const tuneTable = (reported: Reported, format: TableFormat): string[] => formatTable(cellsOf(reported), format)

/** What to be careful with, and the command of the best setting. */
export const tuneAdvice = (reported: Reported): string[] => [
  ...tuneWarnings(reported).map((warning) => `warning: ${warning}`),
  reported.command,
]

/** The figures as JSON, in the words of the table. */
export const tuneJson = (reported: Reported): string => {
  const { best, rows, command } = reported
  return JSON.stringify(
    {
      best: best ?? null,
      command,
      warnings: tuneWarnings(reported),
      settings: rows.map(({ point, judgeInterval, winTie, ...row }) => ({
        ...row,
        ...{ k: point?.k ?? null, weight: point?.weight ?? null },
        ...{ judge_interval: judgeInterval, win_tie: winTie ?? null },
      })),
    },
    null,
    1,
  )
}
