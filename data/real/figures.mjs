/** Figures of replies, from rows that are already scored. */
import { pairedBootstrap } from '../../dist/src/eval/pairedBootstrap.js'
import { wilson } from '../../dist/src/eval/wilson.js'

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length

/** The scores of a run by the id of their prompts. */
const byId = (rows) => new Map(rows.map((row) => [row.id, row]))

/** The share of replies that the judge calls positive, with Wilson's 95% interval. */
export const positiveShare = (rows) => wilson(rows.filter(({ judge }) => judge > 0).length, rows.length)

/** How often a run's replies have the judge's higher or an equal reward, with Wilson's 95% interval. Equal texts are ties. */
export function winTie(rows, against) {
  const others = byId(against)
  const pairs = rows.flatMap((row) => (others.has(row.id) ? [[row, others.get(row.id)]] : []))
  const outcome = { win: 0, tie: 0, lose: 0 }
  for (const [here, there] of pairs) {
    const difference = here.reply === there.reply ? 0 : here.judge - there.judge
    outcome[difference > 0 ? 'win' : difference < 0 ? 'lose' : 'tie']++
  }
  return { ...outcome, prompts: pairs.length, share: wilson(outcome.win + outcome.tie, pairs.length) }
}

/** The mean difference of a score between two runs on the same prompts, with a 95% bootstrap interval. */
export function difference(rows, against, score) {
  const bootstrap = pairedBootstrap([{ name: score, kind: 'mean' }], { seed: 0 })
  const others = byId(against)
  for (const row of rows) {
    const there = others.get(row.id)
    if (there) bootstrap.add(row.id, measured(row, score), measured(there, score))
  }
  return bootstrap.differences()[0]
}

const measured = (row, score) => ({ values: Float64Array.of(row[score]), tokens: row.tokens })

/** Figures of one run beside the first of its table. `evaluated`: what `rxargs eval --json` says of the run. */
export function figuresOf(table, run, rows, first, evaluated) {
  const isFirst = rows === first
  return {
    name: run.name,
    prompts: rows.length,
    guide: mean(rows.map(({ guide }) => guide)),
    judge: mean(rows.map(({ judge }) => judge)),
    ...(table.measure === 'positive' && { positive: positiveShare(rows) }),
    ...(!isFirst && {
      win: winTie(rows, first),
      guideMore: difference(rows, first, 'guide'),
      judgeMore: difference(rows, first, 'judge'),
    }),
    diversity: evaluated.diversity,
    coherence: evaluated.coherence,
    perplexity: evaluated.perplexity,
    length: evaluated.length,
    modelTokens: run.tokens,
  }
}
