import { InputError } from '../../src/core/errors.js'
import type { Reply } from '../../src/core/run.js'
import type { Interval } from '../../src/eval/bootstrap.js'
import { type Estimate, wilson } from '../../src/eval/wilson.js'
import { type Evaluation, evaluate } from './evaluate.js'
import { finerPoints } from './finerPoints.js'
import type { Measure } from './measures.js'
import { type PromptScores, raceRound, raceRounds } from './race.js'
import { type SweepPoint, sweepPoints } from './sweep.js'

/** The name of the run without guidance. */
export const GREEDY = 'greedy'

/** A setting with its figures: those of its own replies, and paired with greedy decoding on the prompts that it decoded. */
export type TuneRow = Readonly<{
  name: string
  /** None for greedy decoding. */
  point?: SweepPoint
  /** Replies, without error rows. A setting that fell behind has fewer. */
  rows: number
  errors: number
  /** Means: the guide's reward, the judge's, diversity and tokens a reply. */
  reward: number | null
  judge: number | null
  judgeInterval: Interval | null
  diversity: number | null
  length: number | null
  /** Differences from greedy decoding with 95% intervals; none for itself. */
  differences?: Readonly<Record<'reward' | 'judge' | 'diversity', Estimate | null>>
  /** Share of replies that the judge likes at least as well as the greedy one. */
  winTie?: Estimate
}>

/** What a round of a race decided, for progress. */
export type TuneRound = Readonly<{
  grid: 'coarse' | 'finer'
  prompts: number
  settings: number
  leader: string
  behind: readonly string[]
}>

export type TuneOptions = Readonly<{
  ks: readonly number[]
  weights: readonly number[]
  /** Ids of the prompts of the validation set, in order. */
  prompts: readonly string[]
  /** Decodes the first `prompts` prompts, without the rows that exist: with a point's setting, or greedily. */
  decode: (point: SweepPoint | typeof GREEDY, prompts: number) => Promise<void>
  /** Reads the replies of a run with their texts. */
  repliesOf: (name: string) => AsyncIterable<Reply>
  /** The judge. It must not be the guide. */
  judge: Measure
  onRound?: (round: TuneRound) => void
  signal?: AbortSignal
}>

/** `best`: the setting with the highest mean by the judge; none if greedy decoding has a higher one. */
export type Tuned = Readonly<{ best: SweepPoint | undefined; rows: readonly TuneRow[] }>

/**
 * Finds the weight and k whose replies a judge likes best on a validation set.
 *
 * The points of a coarse grid race against each other over more and more prompts (`raceRound`), and those that are behind beyond doubt
 * decode no further ones. A finer grid around the winner then races against the points that are left. The winner of both decodes all prompts. It is the best of
 * many on these prompts, so its own score is a little too high: measure it again on prompts that were not used here.
 *
 * @throws InputError if a setting has no reply that the judge can score
 */
export async function tune(options: TuneOptions): Promise<Tuned> {
  const { ks, weights, prompts, decode, repliesOf, onRound, signal } = options
  const judge = rememberedMeasure(options.judge)
  const points = new Map<string, SweepPoint>()
  const rounds = raceRounds(prompts.length)

  /** Decodes and judges the first `size` prompts. A folder of an earlier run may have more. */
  const scoresOf = async (point: SweepPoint | typeof GREEDY, size: number): Promise<PromptScores> => {
    signal?.throwIfAborted()
    const name = point === GREEDY ? GREEDY : point.name
    await decode(point, size)
    const scores = await promptScores(repliesOf(name), judge, new Set(prompts.slice(0, size)))
    if (scores.size === 0) throw new InputError(`Expected a reply of ${name} that the judge can score, got none`)
    return scores
  }
  /** Runs a race and gives the winner and the points that are left. */
  const race = async (grid: TuneRound['grid'], entries: readonly SweepPoint[]) => {
    for (const point of entries) points.set(point.name, point)
    let left = entries
    let leader = entries[0]!
    for (const size of rounds) {
      const scores = new Map<string, PromptScores>()
      for (const point of left) scores.set(point.name, await scoresOf(point, size))
      const round = raceRound(scores, { entries: entries.length, rounds: rounds.length })
      leader = points.get(round.leader)!
      onRound?.({ grid, prompts: size, settings: left.length, ...round })
      left = left.filter(({ name }) => !round.behind.includes(name))
      if (left.length === 1) break
    }
    return { leader, left }
  }

  await scoresOf(GREEDY, prompts.length)
  const coarse = await race('coarse', sweepPoints(ks, weights))
  const finer = finerPoints(coarse.leader, ks, weights)
  const { leader } = finer.length > 0 ? await race('finer', [...coarse.left, ...finer]) : coarse
  await scoresOf(leader, prompts.length)
  const runs = [GREEDY, ...points.keys()].map((name) => ({ name, replies: () => repliesOf(name) }))
  const evaluation = await evaluate(runs, { measures: [judge], intervals: true, ...(signal && { signal }) })
  const rows = rowsOf(evaluation, judge.name, points)
  const winner = rows.find(({ name }) => name === leader.name)!
  const isBetter = (winner.differences?.judge?.value ?? 0) > 0
  return { best: isBetter ? leader : undefined, rows }
}

/** A measure that is asked once about each prompt and completion. */
function rememberedMeasure({ measure, ...metric }: Measure): Measure {
  const known = new Map<string, number>()
  const keyOf = ({ prompt, completion }: Reply): string => JSON.stringify([prompt, completion])
  return {
    ...metric,
    async measure(replies) {
      const asked = [...new Map(replies.map((reply) => [keyOf(reply), reply]))].filter(([key]) => !known.has(key))
      const values = await measure(asked.map(([, reply]) => reply))
      asked.forEach(([key], index) => {
        known.set(key, values[index]!)
      })
      return replies.map((reply) => known.get(keyOf(reply))!)
    },
  }
}

/** The judge's score of each prompt, the mean of its samples; none of error rows and of replies that the judge cannot read. */
async function promptScores(
  source: AsyncIterable<Reply>,
  { measure }: Measure,
  prompts: ReadonlySet<string>,
): Promise<PromptScores> {
  const replies: Reply[] = []
  for await (const reply of source) if (reply.finishReason !== 'error' && prompts.has(reply.id)) replies.push(reply)
  const values = await measure(replies)
  const samples = new Map<string, number[]>()
  replies.forEach(({ id }, index) => {
    const value = values[index]!
    if (Number.isFinite(value)) samples.set(id, [...(samples.get(id) ?? []), value])
  })
  return new Map([...samples].map(([id, all]) => [id, all.reduce((sum, value) => sum + value, 0) / all.length]))
}

function rowsOf({ runs, pairs }: Evaluation, judge: string, points: ReadonlyMap<string, SweepPoint>): TuneRow[] {
  return runs.map(({ name, rows, errors, figures, intervals }): TuneRow => {
    const pair = pairs.find((one) => one.name === name)
    const point = points.get(name)
    const { win = 0, tie = 0, lose = 0 } = pair?.outcomes[judge] ?? {}
    const winTie = wilson(win + tie, win + tie + lose)
    const { reward = null, diversity = null } = pair?.differences ?? {}
    return {
      ...{ name, rows, errors, ...(point && { point }) },
      ...{ reward: figures.reward ?? null, judge: figures[judge] ?? null, judgeInterval: intervals?.[judge] ?? null },
      ...{ diversity: figures.diversity ?? null, length: figures.length ?? null },
      ...(pair && { differences: { reward, judge: pair.differences[judge] ?? null, diversity } }),
      ...(winTie && { winTie }),
    }
  })
}
