import * as z from 'zod'
import { InputError } from '../../src/core/errors.js'
import { aFunction, aSignal, parseOptions } from '../../src/core/parseOptions.js'
import type { Reply, RewardKind } from '../../src/core/run.js'
import { bootstrap, type Interval } from '../../src/eval/bootstrap.js'
import { diversity } from '../../src/eval/diversity.js'
import { type Measured, type Metric, totals } from '../../src/eval/metrics.js'
import { pairedBootstrap } from '../../src/eval/pairedBootstrap.js'
import { type ReplyTable, replyTable } from '../../src/eval/replyTable.js'
import type { Estimate } from '../../src/eval/wilson.js'
import { differInWords, promptMark } from './comparable.js'
import type { Measure } from './measures.js'

/**
 * A run to evaluate: its name, its rows in any order, the names of its further rewards, and the source of each reward by metric (`reward`,
 * `reward_NAME`). Rewards are only compared with those of the first run if their sources are equal.
 */
export type EvaluatedRun = Readonly<{
  name: string
  replies: () => AsyncIterable<Reply>
  rewards?: readonly string[]
  kinds?: Readonly<Record<string, RewardKind>>
}>

/** Figures of a run by metric; null if no reply has it. `counts`: the number of replies behind each. */
export type RunFigures = Readonly<{
  name: string
  /** Number of replies, without error rows. */
  rows: number
  errors: number
  figures: Readonly<Record<string, number | null>>
  counts: Readonly<Record<string, number>>
  /** 95% bootstrap intervals over prompts, by metric, with the option `intervals`; null if no reply has the metric. */
  intervals?: Readonly<Record<string, Interval | null>>
}>

/** Number of shared replies with a higher, an equal and a lower reward than the first run's. */
export type Outcome = Readonly<{ win: number; tie: number; lose: number }>

/**
 * A run compared with the first: the number of shared rows (`rows`), the rows that only one run has, and the differences of the figures over
 * shared rows. `otherPrompts`: shared rows whose prompts differ. `otherRewards`: rewards from different sources, which are not compared.
 */
export type PairFigures = Readonly<{
  name: string
  against: string
  rows: number
  onlyHere: number
  onlyThere: number
  otherPrompts: number
  otherRewards: readonly OtherReward[]
  differences: Readonly<Record<string, Estimate | null>>
  /** By metric, for each reward. */
  outcomes: Readonly<Record<string, Outcome>>
}>

/** A reward that two runs get from different functions or models: its source here and in the first run. */
export type OtherReward = Readonly<{ metric: string; here: string; there: string }>

export type Evaluation = Readonly<{ metrics: readonly string[]; runs: readonly RunFigures[]; pairs: readonly PairFigures[] }>

const isMeasure = (value: unknown): boolean => typeof value === 'object' && value !== null && 'measure' in value

const evaluateOptions = z.strictObject({
  measures: z.array(z.custom<Measure>(isMeasure)).optional().describe('a list of measures, such as rewardMeasure(…) returns'),
  seed: z.int().min(0).optional().describe('an integer >= 0'),
  intervals: z.boolean().optional().describe('true or false'),
  signal: aSignal.optional(),
  onReply: aFunction.optional(),
})
const runsOf = z.object({
  runs: z
    .array(z.looseObject({ name: z.string(), replies: aFunction }))
    .describe('a list of runs, each with `name` and `replies`'),
})

export type EvaluateOptions = Readonly<{
  /** Metrics that need a model, in addition to those from the rows alone. */
  measures?: readonly Measure[] | undefined
  /** Seed of the bootstrap's random numbers (0). */
  seed?: number | undefined
  /** Whether to compute intervals of each run's figures, which takes about as long as comparing the run (false). */
  intervals?: boolean | undefined
  /** Stops the evaluation. */
  signal?: AbortSignal | undefined
  /** Called with each reply, for progress. */
  onReply?: ((reply: Reply) => void) | undefined
}>

type OwnMetric = Metric & Readonly<{ of: (reply: Reply) => number }>

/** Metrics from the rows alone. `stopped`: the reply ended by an end token or a stop string, not at the token limit. */
const always: readonly OwnMetric[] = [
  { name: 'reward', kind: 'mean', of: ({ reward }) => reward ?? Number.NaN },
  { name: 'diversity', kind: 'mean', of: ({ tokenIds }) => (tokenIds ? diversity(tokenIds) : Number.NaN) },
  { name: 'length', kind: 'mean', of: ({ tokenIds }) => tokenIds?.length ?? Number.NaN },
  {
    name: 'stopped',
    kind: 'mean',
    of: ({ tokenIds, finishReason }) => (tokenIds ? Number(finishReason === 'stop') : Number.NaN),
  },
]

/** The metric of a further reward, `reward_NAME` like its column. */
const further = (name: string): OwnMetric => ({
  ...{ name: `reward_${name}`, kind: 'mean' },
  of: ({ otherRewards }) => otherRewards?.[name] ?? Number.NaN,
})

/** Replies per batch for the models. */
const BATCH = 64

/**
 * Computes the paper's metrics of each run and compares each run with the first: differences with 95% bootstrap intervals, and win, tie and
 * lose, paired by (id, sample). Each run is read once. With several runs, memory is some tens of bytes per reply of the first run; otherwise
 * it does not grow with the rows.
 *
 * @throws OptionError for an invalid option
 * @throws InputError for a second row of the same id and sample
 * @see ARGS (Khanov et al., 2024), section 4.1
 */
export async function evaluate(runs: readonly EvaluatedRun[], options: EvaluateOptions = {}): Promise<Evaluation> {
  parseOptions(runsOf, { runs }, 'evaluate')
  parseOptions(evaluateOptions, options, 'evaluate')
  const { measures = [], seed = 0, intervals = false, signal, onReply } = options
  const names = new Set(runs.flatMap(({ rewards = [] }) => rewards))
  const own = [...always, ...[...names].map(further)]
  const metrics = [...own, ...measures]
  const first = runs.length > 1 ? replyTable(metrics.length + 1) : undefined
  const evaluated: RunFigures[] = []
  const pairs: PairFigures[] = []
  for (const [round, { name, replies, kinds = {} }] of runs.entries()) {
    const sums = totals(metrics)
    const spread = intervals ? bootstrap(metrics, { seed }) : undefined
    const others = otherRewards(kinds, runs[0]!.kinds ?? {})
    const beside = first && round > 0 ? comparison(metrics, first, { seed, round, others }) : undefined
    let [rows, errors] = [0, 0]
    for await (const batch of batches(replies())) {
      signal?.throwIfAborted()
      const good = batch.filter(({ finishReason }) => finishReason !== 'error')
      errors += batch.length - good.length
      rows += good.length
      const measured = await measuredOf(good, own, measures)
      good.forEach(({ id, sample }, index) => {
        sums.add(measured[index]!)
        spread?.add(id, measured[index]!)
        const isNew = beside ? beside.add(id, sample, measured[index]!) : (first?.add(id, sample, measured[index]!) ?? true)
        if (!isNew) throw new InputError(`Expected each id and sample once in ${name}, got \`${id}\`, sample ${sample}, again`)
      })
      for (const reply of batch) onReply?.(reply)
    }
    const figures = sums.figures()
    const ranges = spread?.intervals()
    evaluated.push({
      ...{ name, rows, errors },
      figures: Object.fromEntries(figures.map((figure) => [figure.name, figure.value])),
      counts: Object.fromEntries(figures.map((figure) => [figure.name, figure.count])),
      ...(ranges && { intervals: Object.fromEntries(metrics.map(({ name: metric }, index) => [metric, ranges[index]!])) }),
    })
    if (beside) pairs.push({ name, against: runs[0]!.name, ...beside.figures() })
  }
  return { metrics: metrics.map(({ name }) => name), runs: evaluated, pairs }
}

async function measuredOf(
  replies: readonly Reply[],
  own: readonly OwnMetric[],
  measures: readonly Measure[],
): Promise<Measured[]> {
  const columns = await Promise.all(measures.map(({ measure }) => measure(replies)))
  return replies.map((reply, index) => ({
    // The prompt's mark comes last, after the metrics.
    values: Float64Array.of(...own.map(({ of }) => of(reply)), ...columns.map((column) => column[index]!), promptMark(reply)),
    tokens: reply.tokenIds?.length ?? 0,
  }))
}

function otherRewards(here: Readonly<Record<string, RewardKind>>, there: Readonly<Record<string, RewardKind>>): OtherReward[] {
  const shared = Object.keys(here).filter((metric) => there[metric] !== undefined)
  return shared
    .filter((metric) => here[metric]!.identity !== there[metric]!.identity)
    .map((metric) => ({ metric, here: here[metric]!.about, there: there[metric]!.about }))
}

type Compared = Readonly<{ seed: number; round: number; others: readonly OtherReward[] }>

/** Compares a run with the first one, whose replies are in the table. */
function comparison(metrics: readonly Metric[], first: ReplyTable, { seed, round, others }: Compared) {
  const isOther = (name: string): boolean => others.some(({ metric }) => metric === name)
  const bootstrap = pairedBootstrap(metrics, { seed })
  const tallies = metrics.map(() => ({ win: 0, tie: 0, lose: 0 }))
  let [rows, onlyHere, otherPrompts] = [0, 0, 0]
  return {
    add(id: string, sample: number, here: Measured): boolean {
      const there = first.get(id, sample)
      if (!there) {
        onlyHere++
        return true
      }
      if (!first.mark(there.place, round)) return false
      rows++
      if (differInWords(here.values[metrics.length]!, there.values[metrics.length]!)) otherPrompts++
      bootstrap.add(id, here, there)
      tallies.forEach((tally, index) => {
        const difference = here.values[index]! - there.values[index]!
        if (!Number.isNaN(difference)) tally[difference > 0 ? 'win' : difference < 0 ? 'lose' : 'tie']++
      })
      return true
    },
    figures() {
      const differences = bootstrap.differences()
      const rewards = metrics.flatMap(({ name }, index) =>
        isReward(name) && !isOther(name) && differences[index] !== null ? [[name, tallies[index]!] as const] : [],
      )
      return {
        ...{ rows, onlyHere, onlyThere: first.size - rows, otherPrompts, otherRewards: others },
        differences: Object.fromEntries(metrics.map(({ name }, index) => [name, isOther(name) ? null : differences[index]!])),
        outcomes: Object.fromEntries(rewards),
      }
    },
  }
}

const isReward = (metric: string): boolean => metric === 'reward' || /^reward[:_]/.test(metric)

async function* batches<T>(items: AsyncIterable<T>): AsyncGenerator<T[]> {
  let batch: T[] = []
  for await (const item of items) {
    if (batch.push(item) < BATCH) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
