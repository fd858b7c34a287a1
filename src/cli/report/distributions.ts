import type { RunFigures } from '../../../pipelines/evaluation/evaluate.js'
import type { Reply } from '../../core/run.js'
import { type Histogram, histogram, sharedBins } from '../../eval/histogram.js'
import { interval } from '../print/evalTable.js'
import type { Distribution, DistributionOptions } from './distributionPlot.js'

/** Finest bin of a reward, finer than a plot can show. */
const FINEST_REWARD = 2 ** -20

/** Running counts of a figure. `cut` counts replies that ended at the token limit. */
type Counted = Readonly<{ all: Histogram; stopped: Histogram; cut: Histogram; of: (reply: Reply) => number }>

const counter = (finest: number, of: Counted['of']): Counted => ({
  ...{ all: histogram(finest), stopped: histogram(finest), cut: histogram(finest) },
  of,
})

export type Distributions = Readonly<{ add: (reply: Reply) => void; figures: ReadonlyMap<string, Counted> }>

/** Counts the distributions of one run's lengths and rewards, under the names of their metrics. */
export function distributions(rewards: readonly string[]): Distributions {
  const figures = new Map<string, Counted>([
    // Shifted by one, so that a limit of 128 tokens is the end of a bin and not the start of an empty one.
    ['length', counter(1, ({ tokenIds }) => (tokenIds ? Math.max(0, tokenIds.length - 1) : Number.NaN))],
    ['reward', counter(FINEST_REWARD, ({ reward }) => reward ?? Number.NaN)],
    ...rewards.map((name) => {
      const of = ({ otherRewards }: Reply): number => otherRewards?.[name] ?? Number.NaN
      return [`reward_${name}`, counter(FINEST_REWARD, of)] as const
    }),
  ])
  return {
    figures,
    add(reply) {
      for (const [name, { all, stopped, cut, of }] of figures) {
        const value = of(reply)
        all.add(value)
        if (name === 'length' && reply.finishReason === 'length') cut.add(value)
        else stopped.add(value)
      }
    },
  }
}

const percent = (share: number): string => `${(100 * share).toFixed(share > 0 && share < 0.01 ? 1 : 0)}%`

/** Describes the cut-off replies of a run. Their length is the token limit. */
function cutText({ all, cut }: Counted): string[] {
  const { count, low, high } = cut.figures()
  if (count === 0) return []
  const share = percent(count / all.figures().count)
  return [low === high ? `${share} cut off at the limit of ${high + 1} tokens` : `${share} cut off at the token limit`]
}

/** Draws one plot for each figure that a run has, as SVG. `evaluated`: figures of the same runs, with intervals. */
export async function distributionPlots(runs: readonly Distributions[], evaluated: readonly RunFigures[]): Promise<string[]> {
  // The plotting library is large, so it is loaded only here.
  const { distributionPlot } = await import('./distributionPlot.js')
  const names = new Set(runs.flatMap(({ figures }) => [...figures.keys()]))
  return [...names].flatMap((figure) => {
    const having = runs.flatMap(({ figures }, index) => {
      const found = figures.get(figure)
      const of = evaluated[index]!
      return found && found.all.figures().count > 0 ? [{ name: of.name, counted: found, of }] : []
    })
    const ranges = having.map(({ counted: { all } }) => all.figures())
    const [least, most] = [Math.min(...ranges.map(({ low }) => low)), Math.max(...ranges.map(({ high }) => high))]
    const isConstant = figure !== 'length' && least === most
    const binned = sharedBins(having.flatMap(({ counted: { stopped, cut } }) => [stopped, cut]))
    const plotted = having.map(({ name, counted: found, of }, index): Distribution => {
      const { low, high } = of.intervals?.[figure] ?? { low: Number.NaN, high: Number.NaN }
      const mean = of.figures[figure] ?? Number.NaN
      const notes = isConstant
        ? [`all ${ranges[index]!.count} replies: ${Number(least.toFixed(6))}`]
        : [`mean ${interval({ value: mean, low, high })}`, ...(figure === 'length' ? cutText(found) : [])]
      return { ...{ name, mean, low, high, notes }, bins: binned[2 * index]!, cutBins: binned[2 * index + 1]! }
    })
    const isCut = figure === 'length' && having.some(({ counted: { cut } }) => cut.figures().count > 0)
    return distributionPlot(plotted, { ...headingOf(figure, isConstant, isCut), ...(isConstant && { constant: least }) }) ?? []
  })
}

function headingOf(figure: string, isConstant: boolean, isCut: boolean): Omit<DistributionOptions, 'constant'> {
  if (figure !== 'length')
    return {
      ...{ title: `Distribution of ${figure}`, label: figure },
      subtitle: isConstant ? '% of replies; every reply has the same value' : '% of replies',
    }
  return {
    ...{ title: 'Distribution of length', label: 'length (tokens of a reply)' },
    subtitle: isCut ? '% of replies; orange: cut off at the token limit' : '% of replies',
  }
}
