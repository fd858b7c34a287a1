/** Figures of replies that are measured already: `{ id, run, reply, tokens, guide, judge, diversity, coherence, perplexity }`. */
import { pairedBootstrap } from '../../dist/src/eval/pairedBootstrap.js'
import { wilson } from '../../dist/src/eval/wilson.js'

const numbers = (rows, name) => rows.map((row) => row[name]).filter(Number.isFinite)
const sum = (values) => values.reduce((all, value) => all + value, 0)
const mean = (values) => (values.length === 0 ? undefined : sum(values) / values.length)
const byId = (rows) => new Map(rows.map((row) => [row.id, row]))

/** What a prompt asks: its text, or the turns of its chat. */
export const askedIn = ({ prompt, messages }) => prompt ?? messages.map(({ content }) => content).join('\n')

const rounded = (value) => (Number.isFinite(value) ? Number(value.toFixed(3)) : undefined)

/** One record for each prompt that has replies: what was asked, and the reply of each run with the rewards of guide and judge. */
export const sideBySide = (prompts, rows) =>
  prompts.flatMap(({ id, ...asked }) => {
    const own = rows.filter((row) => row.id === id)
    const replies = own.map(({ run, reply, guide, judge }) => [run, { reply, guide: rounded(guide), judge: rounded(judge) }])
    return own.length === 0 ? [] : [{ id, ...asked, replies: Object.fromEntries(replies) }]
  })

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

const measured = (row, name) => ({ values: Float64Array.of(row[name]), tokens: row.tokens })

/** The mean difference of a figure between two runs on the same prompts, with a 95% bootstrap interval; null without shared prompts. */
export function difference(rows, against, name) {
  const bootstrap = pairedBootstrap([{ name, kind: 'mean' }], { seed: 0 })
  const others = byId(against)
  for (const row of rows) if (others.has(row.id)) bootstrap.add(row.id, measured(row, name), measured(others.get(row.id), name))
  return bootstrap.differences()[0]
}

/** exp of the mean negative log-likelihood of all tokens of the replies that have one. */
export function perplexityOf(rows) {
  const read = rows.filter(({ perplexity }) => Number.isFinite(perplexity))
  return read.length === 0
    ? undefined
    : Math.exp(sum(read.map((row) => row.perplexity * row.tokens)) / sum(numbers(read, 'tokens')))
}

const shareOf = (rows, holds) => wilson(rows.filter(({ reply }) => holds(reply.trim())).length, rows.length)

/** What rules say of replies: characters, and the shares that are near 120 of them, without "you" and "your", and of one sentence. */
const ruled = (rows) => ({
  characters: mean(rows.map(({ reply }) => reply.length)),
  near: shareOf(rows, (reply) => Math.abs(reply.length - 120) <= 24),
  withoutYou: shareOf(rows, (reply) => !/\byour?\b/i.test(reply)),
  oneSentence: shareOf(rows, (reply) => /^[^.!?]*[.!?]?$/.test(reply)),
})

/** Figures of one run beside the first of its table, and of the table's `focus` against the run. */
export const figuresOf = (table, one, rows, first, focus) => ({
  name: one.name,
  prompts: rows.length,
  ...(table.verdict === 'positive' && { positive: positiveShare(rows) }),
  ...(table.verdict === 'rules' && ruled(rows)),
  ...(focus && focus !== rows && { focusWins: winTie(focus, rows) }),
  ...(rows !== first && {
    ...(table.verdict !== 'rules' && {
      win: winTie(rows, first),
      guideMore: difference(rows, first, 'guide'),
      judgeMore: difference(rows, first, 'judge'),
    }),
    diversityMore: difference(rows, first, 'diversity'),
  }),
  ...Object.fromEntries(['guide', 'judge', 'diversity', 'coherence', 'tokens'].map((name) => [name, mean(numbers(rows, name))])),
  perplexity: perplexityOf(rows),
  modelTokens: one.modelTokens,
})
