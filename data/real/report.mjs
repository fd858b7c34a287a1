/** The report of the experiments, as Markdown. */

const number = (value, digits = 2) => (value === undefined || value === null ? '' : value.toFixed(digits).replace('-', '−'))
const percent = (value) => (100 * value).toFixed(0)
const share = (one) => (one === undefined ? '' : `${percent(one.value)}% [${percent(one.low)}, ${percent(one.high)}]`)
const more = (one) => (one === undefined || one === null ? '' : `${number(one.value)} [${number(one.low)}, ${number(one.high)}]`)

const line = (cells) => `| ${cells.join(' | ')} |`

/** Columns of a table of figures: heading and cell. A column that no run fills is left out. */
const columns = [
  ['run', ({ name }) => `\`${name}\``],
  ['prompts', ({ prompts }) => `${prompts}`],
  ['positive, by the judge', ({ positive }) => share(positive)],
  ['characters', ({ characters }) => number(characters, 0)],
  ['within 24 of 120', ({ near }) => share(near)],
  ['without "you", "your"', ({ withoutYou }) => share(withoutYou)],
  ['one sentence', ({ oneSentence }) => share(oneSentence)],
  ['win-tie against greedy, by the judge', ({ win }) => share(win?.share)],
  ['ARGS of the chosen weight wins or ties against it', ({ focusWins }) => share(focusWins?.share)],
  ['win / tie / lose', ({ win }) => (win ? `${win.win} / ${win.tie} / ${win.lose}` : '')],
  ['reward by the guide', ({ guide }) => number(guide)],
  ['more than greedy', ({ guideMore }) => more(guideMore)],
  ['reward by the judge', ({ judge }) => number(judge)],
  ['more than greedy', ({ judgeMore }) => more(judgeMore)],
  ['diversity', ({ diversity }) => number(diversity)],
  ['more than greedy', ({ diversityMore }) => more(diversityMore)],
  ['coherence', ({ coherence }) => number(coherence)],
  ['perplexity', ({ perplexity }) => number(perplexity, 1)],
  ['tokens', ({ tokens }) => number(tokens, 0)],
  ['model tokens a token', ({ modelTokens }) => `${modelTokens}`],
]

/** A Markdown table of the figures of a table's runs. */
export function figuresTable(figures) {
  const filled = columns.filter(([, cell]) => figures.some((one) => cell(one) !== ''))
  return [
    line(filled.map(([heading]) => heading)),
    line(filled.map(() => '---')),
    ...figures.map((one) => line(filled.map(([, cell]) => cell(one)))),
  ].join('\n')
}

/** The whole report. `measured`: tables with their figures. */
export function report({ measured, command, commit, machine, training }) {
  const learned = ({ 'dev pairs': pairs, ...one }) =>
    pairs === undefined
      ? `right on ${number(100 * one['dev right'], 1)}% of ${one['dev sentences']} dev sentences, on their first halves ${number(100 * one['dev right, first half of each sentence'], 1)}%`
      : `an autoregressive reward model for GenARM; the positive sentence gains more likelihood than the negative one in ${number(100 * one['dev pairs whose positive sentence gains more likelihood'], 1)}% of ${pairs} dev pairs`
  const trained = Object.entries(training).map(
    ([name, one]) => `- \`sentiment-${name}\`: ${one.sentences} sentences, ${one.steps} steps; ${learned(one)}`,
  )
  return [
    '# SmolLM2-135M-Instruct, guided',
    '',
    `\`${command}\`, rxargs ${machine.version}${commit ? ` (commit ${commit})` : ''} on ${machine.cpu}, ${machine.cores} cores, Node ${machine.node}.`,
    'Shares have 95% Wilson intervals, differences 95% bootstrap intervals over prompts. The guide steers, the judge has seen other data. Both read',
    'prompt and reply as plain text. A model token is a token that the language model or the guide reads while it decodes, the prompt aside; for',
    '`args-…` it is the most, as candidates that can hardly win are not scored.',
    '',
    'Rewards of sentiment:',
    '',
    ...trained,
    '',
    ...measured.flatMap(({ table, figures }) => [
      `## ${table.title}`,
      '',
      `At most ${table.newTokens} new tokens.${table.judge ? ` Guide: \`${table.guide}\`, judge: \`${table.judge}\`.` : ''}`,
      '',
      figuresTable(figures),
      '',
    ]),
  ].join('\n')
}
