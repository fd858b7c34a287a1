import { wordsNotice } from '../../../pipelines/evaluation/comparable.js'
import type { Evaluation, PairFigures, RunFigures } from '../../../pipelines/evaluation/evaluate.js'
import type { Estimate } from '../../eval/wilson.js'
import { type Cells, formatTable, type TableFormat } from './formatTable.js'

const DIGITS = 3
export const formatFigure = (value: number | null | undefined): string =>
  value === null || value === undefined ? '' : value.toFixed(DIGITS)
export const interval = (estimate: Estimate | null | undefined): string =>
  estimate ? `${formatFigure(estimate.value)} [${formatFigure(estimate.low)}, ${formatFigure(estimate.high)}]` : ''

/** Metrics that at least one run has. */
const presentMetrics = ({ metrics, runs }: Evaluation): string[] =>
  metrics.filter((metric) => runs.some(({ figures }) => figures[metric] !== null))

/** One line per run with its figures. */
export function runCells(evaluation: Evaluation): Cells {
  const metrics = presentMetrics(evaluation)
  const row = ({ name, rows, errors, figures }: RunFigures): string[] => [
    name,
    String(rows),
    ...metrics.map((metric) => formatFigure(figures[metric])),
    String(errors),
  ]
  return [['run', 'rows', ...metrics, 'errors'], ...evaluation.runs.map(row)]
}

/** One line per further run with its differences from the first. */
export function pairCells(evaluation: Evaluation): Cells {
  const metrics = presentMetrics(evaluation).filter((metric) => evaluation.pairs.some(({ differences }) => differences[metric]))
  const rewards = [...new Set(evaluation.pairs.flatMap(({ outcomes }) => Object.keys(outcomes)))]
  const row = ({ name, rows, differences, outcomes }: PairFigures): string[] => [
    name,
    String(rows),
    ...metrics.map((metric) => interval(differences[metric])),
    ...rewards.map((reward) => {
      const { win, tie, lose } = outcomes[reward] ?? { win: 0, tie: 0, lose: 0 }
      return `${win} / ${tie} / ${lose}`
    }),
  ]
  const wins = rewards.map((reward) => `win / tie / lose by ${reward}`)
  return [[`minus ${evaluation.pairs[0]!.against}`, 'shared', ...metrics, ...wins], ...evaluation.pairs.map(row)]
}

/** One line per run: its figures, and its differences from the first run over shared replies. Numbers are not rounded. */
function csvCells(evaluation: Evaluation): Cells {
  const metrics = presentMetrics(evaluation)
  const rewards = [...new Set(evaluation.pairs.flatMap(({ outcomes }) => Object.keys(outcomes)))]
  const compares = evaluation.pairs.length > 0
  const full = (value: number | null | undefined): string => (value === null || value === undefined ? '' : String(value))
  const head = [
    ...['run', 'rows', 'errors', ...metrics],
    ...(compares ? ['against', 'shared'] : []),
    ...(compares ? metrics.flatMap((metric) => [`${metric}_difference`, `${metric}_low`, `${metric}_high`]) : []),
    ...rewards.flatMap((reward) => [`${reward}_win`, `${reward}_tie`, `${reward}_lose`]),
  ]
  const rows = evaluation.runs.map(({ name, rows: count, errors, figures }, index) => {
    const pair = evaluation.pairs[index - 1]
    const differences = metrics.flatMap((metric) => {
      const { value, low, high } = pair?.differences[metric] ?? {}
      return [full(value), full(low), full(high)]
    })
    const outcomes = rewards.flatMap((reward) => {
      const { win, tie, lose } = pair?.outcomes[reward] ?? {}
      return [full(win), full(tie), full(lose)]
    })
    return [
      ...[name, String(count), String(errors), ...metrics.map((metric) => full(figures[metric]))],
      ...(compares ? [pair?.against ?? '', full(pair?.rows), ...differences] : []),
      ...outcomes,
    ]
  })
  return [head, ...rows]
}

/** Formats an evaluation as lines: one table in CSV, otherwise a table of runs and a table of pairs. */
export function evalTable(evaluation: Evaluation, format: TableFormat): string[] {
  if (format === 'csv') return formatTable(csvCells(evaluation), format)
  const runs = formatTable(runCells(evaluation), format)
  return evaluation.pairs.length === 0 ? runs : [...runs, '', ...formatTable(pairCells(evaluation), format)]
}

/** Formats an evaluation as JSON, with each figure under the name of its metric. */
export const evalJson = ({ runs, pairs }: Evaluation): string =>
  JSON.stringify(
    {
      runs: runs.map(({ name, rows, errors, figures, counts }) => ({ name, rows, errors, ...figures, counts })),
      pairs: pairs.map(({ onlyHere, onlyThere, otherPrompts, otherRewards, ...pair }) => ({
        ...pair,
        ...{ only_here: onlyHere, only_there: onlyThere, other_prompts: otherPrompts, other_rewards: otherRewards },
      })),
    },
    null,
    1,
  )

/** Says which rows are left out, and why the numbers of rows differ. */
export function evalNotices({ metrics, runs, pairs }: Evaluation): string[] {
  const rows = (count: number): string => `${count} ${count === 1 ? 'row' : 'rows'}`
  return [
    ...runs.flatMap(({ name, errors }) =>
      errors > 0 ? [`${name}: leaves out ${errors} ${errors === 1 ? 'error row' : 'error rows'}`] : [],
    ),
    ...metrics.flatMap((metric) => {
      const without = runs.filter(({ counts, rows: all }) => counts[metric] === 0 && all > 0).map(({ name }) => name)
      return without.length > 0 ? [`${without.join(', ')}: no row has ${metric}`] : []
    }),
    ...runs.flatMap(({ name, rows: all, counts }) =>
      metrics
        .filter((metric) => counts[metric]! > 0 && counts[metric]! < all)
        .map((metric) => `${name}: only ${counts[metric]} of ${rows(all)} have ${metric}`),
    ),
    ...pairs.flatMap(({ name, against, rows: shared, onlyHere, onlyThere }) =>
      onlyHere + onlyThere > 0
        ? [
            `${name} and ${against} share ${rows(shared)}; ${onlyHere} more of ${name} and ${onlyThere} of ${against} are not compared`,
          ]
        : [],
    ),
    ...pairs.flatMap(({ name, against, otherPrompts }) => (otherPrompts > 0 ? [wordsNotice(otherPrompts, name, against)] : [])),
    ...pairs.flatMap(({ name, against, otherRewards }) =>
      otherRewards.map(
        ({ metric, here, there }) =>
          `${metric} is not compared: ${name} uses ${here}, ${against} uses ${there}; --reward-model scores both runs alike`,
      ),
    ),
  ]
}
