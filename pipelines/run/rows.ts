import { catchError, defer, forkJoin, map, type Observable, of } from 'rxjs'
import { endsRun, messageOf, ShapeError } from '../../src/core/errors.js'
import type { Reward, TextCodec } from '../../src/core/model.js'
import type { Prompt } from '../../src/core/prompt.js'
import type { Row, TracedStep } from '../../src/core/run.js'
import type { Sequence } from '../../src/core/sequence.js'
import type { PromptContent } from '../../src/core/text/conversation.js'
import { promptText } from '../../src/core/text/promptText.js'
import type { DecodedStep } from '../decoding/decode.js'
import type { Job } from './jobs.js'

/** Each reward's value of a whole sequence, by name; null if it failed. */
export type Values = Readonly<Record<string, number | null>>

/** Start and duration of a row, in milliseconds. */
type Timing = Readonly<{ startedAt: number; durationMs: number }>

/** Summary of a sequence's steps: numbers of the chosen tokens, and candidates if the run traces. */
export type Tally = {
  last?: DecodedStep
  readonly logits: number[]
  readonly scores: number[]
  /** By reward name, for rewards that scored candidates. */
  readonly rewards: Map<string, number[]>
  readonly trace: TracedStep[]
}

export const emptyTally = (): Tally => ({ logits: [], scores: [], rewards: new Map(), trace: [] })

/** Names of the run's rewards, the first one first. In a run without rewards, a decoder's own reward is the first. */
export type RowOptions = Readonly<{ trace: boolean; rewards: readonly string[] }>

/** A number of the chosen token. Operators of programs need not be typed. */
function numberAt(index: number, values: ArrayLike<number>, field: string): number {
  const value: unknown = values?.[index]
  if (typeof value === 'number') return value
  throw new ShapeError(`Expected \`${field}\` of a step to be numbers, got \`${String(value)}\` (${typeof value})`)
}

/**
 * Adds a step to the tally, in place: copying it at each step would take quadratic time.
 *
 * @throws ShapeError for values of the chosen token that are no numbers
 */
export function tally(sum: Tally, step: DecodedStep, { trace, rewards: names }: RowOptions): Tally {
  const { index, tokenIds, tokenLogits, scores, rewards: scored = {} } = step
  const [first = Object.keys(scored)[0], ...others] = names
  sum.last = step
  sum.logits.push(numberAt(index, tokenLogits, 'tokenLogits'))
  sum.scores.push(numberAt(index, scores, 'scores'))
  for (const [name, rewards] of Object.entries(scored)) {
    const chosen = sum.rewards.get(name)
    const reward = numberAt(index, rewards, `rewards.${name}`)
    if (chosen) chosen.push(reward)
    else sum.rewards.set(name, [reward])
  }
  if (trace) {
    const rewards = scored[first ?? '']
    const otherRewards = Object.fromEntries(others.flatMap((name) => (scored[name] ? [[name, scored[name]]] : [])))
    sum.trace.push({
      ...{ tokenIds, logits: tokenLogits, scores },
      ...(rewards && { rewards }),
      ...(others.length > 0 && { otherRewards }),
    })
  }
  return sum
}

/** A row without the fields that its prompt brings. */
export type DecodedRow = Omit<Row, 'promptHash' | 'input'>

/** Makes the row of a finished sequence. `values` are the rewards of prompt and reply; null if a reward failed. */
export function rowOf(
  sum: Tally,
  prompt: string,
  values: Values,
  timing: Timing,
  { trace, rewards: names }: RowOptions,
): DecodedRow {
  const { sequence, finish } = sum.last!
  const [first = [...sum.rewards.keys()][0] ?? '', ...others] = names
  const rewardsOf = (name: string) => sum.rewards.get(name) ?? null
  return {
    id: sequence.promptId,
    sample: sequence.sample,
    prompt,
    completion: finish!.completion,
    promptTokenIds: sequence.promptTokenIds,
    tokenIds: sequence.tokenIds,
    finishReason: finish!.reason,
    error: null,
    reward: values[first] ?? null,
    rewards: rewardsOf(first),
    ...otherRewards(others, (name) => ({ reward: values[name] ?? null, rewards: rewardsOf(name) })),
    logits: sum.logits,
    scores: sum.scores,
    seed: sequence.seed,
    promptTokens: sequence.promptTokenIds.length,
    completionTokens: sequence.tokenIds.length,
    ...timing,
    ...(trace && { trace: sum.trace }),
  }
}

/** Fields of every row from its prompt: the user's message, if the prompt is more than that, and the kept input columns. */
export function ownFields({ userMessage, content, input }: Prompt): Pick<Row, 'userMessage' | 'input'> {
  const message: unknown = userMessage ?? content?.messages?.findLast(({ role }) => role === 'user')?.content
  return { ...(typeof message === 'string' && { userMessage: message }), ...(input && { input }) }
}

type ErrorOptions = Readonly<{ codec: TextCodec; seed: number }> & Pick<RowOptions, 'rewards'>

/** Makes the error row of a prompt. */
export function errorRow(
  { prompt, sample }: Pick<Job, 'prompt' | 'sample'>,
  error: string,
  timing: Timing,
  { codec, seed, rewards }: ErrorOptions,
): DecodedRow {
  return {
    id: prompt.id,
    sample,
    prompt: prompt.content ? textOrNull(prompt.content, codec) : null,
    completion: null,
    promptTokenIds: null,
    tokenIds: null,
    finishReason: 'error',
    error,
    reward: null,
    rewards: null,
    ...otherRewards(rewards.slice(1), () => ({ reward: null, rewards: null })),
    logits: null,
    scores: null,
    seed,
    promptTokens: null,
    completionTokens: null,
    ...timing,
  }
}

type Other = NonNullable<Row['otherRewards']>[string]

const otherRewards = (names: readonly string[], of: (name: string) => Other): Pick<Row, 'otherRewards'> =>
  names.length === 0 ? {} : { otherRewards: Object.fromEntries(names.map((name) => [name, of(name)])) }

/** Returns a prompt as text; null if it cannot be rendered, which is usually the row's error. */
function textOrNull(content: PromptContent, codec: TextCodec): string | null {
  try {
    return promptText(content, codec.render)
  } catch {
    return null
  }
}

/** The rewards of a whole sequence. A failed one is null; `error` is that of the first. */
export type Valued = Readonly<{ values: Values; error?: string }>

/**
 * Reads each reward of a whole sequence. A failing reward does not affect the others.
 *
 * - errors: `ModelLostError`, `OutOfMemoryError`
 */
export function valuesOf(rewards: ReadonlyMap<string, Reward>, sequence: Sequence): Observable<Valued> {
  if (rewards.size === 0) return of({ values: {} })
  const one = (reward: Reward): Observable<Readonly<{ value: number | null; error?: string }>> =>
    defer(() => reward.value(sequence)).pipe(
      map((value) => ({ value })),
      catchError((error: unknown) => {
        if (endsRun(error)) throw error
        return of({ value: null, error: messageOf(error) })
      }),
    )
  return forkJoin([...rewards.values()].map(one)).pipe(
    map((results) => {
      const failed = results.find(({ error }) => error !== undefined)
      const names = [...rewards.keys()]
      const values = Object.fromEntries(results.map(({ value }, index) => [names[index]!, value]))
      return { values, ...(failed && { error: failed.error }) }
    }),
  )
}
