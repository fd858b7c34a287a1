import { catchError, EMPTY, finalize, from, lastValueFrom, mergeMap, type Observable, of, toArray } from 'rxjs'
import { messageOf, RemoteError } from '../../src/core/errors.js'
import type { TextMessage } from '../../src/core/text/conversation.js'
import { hashText, uniform } from '../../src/core/uniform.js'
import type { Judgement } from '../../src/eval/judgeFigures.js'
import { judgePrompt, parseScores } from '../../src/eval/judgePrompt.js'
import type { JudgeAnswer } from './judgeAnswer.js'
import { CeilingReached, type JudgeCeiling } from './judgeCeiling.js'
import type { Measure } from './measures.js'
import { JUDGE_SAMPLE, type ReplyPair } from './sharedPrompts.js'

/** Asks a chat model. Each request is admitted before and settled after. */
export type Ask = (
  messages: readonly TextMessage[],
  watch: Readonly<{ admit: () => Promise<void>; settle: (tokens?: number) => void }>,
  signal: AbortSignal,
) => Promise<Readonly<{ text: string; tokens?: number }>>

export type JudgeOptions = Readonly<{
  ask: Ask
  /** What else an answer depends on: the model and its address. */
  judge: string
  seed: number
  concurrency: number
  /** How often to ask again if an answer has no scores. */
  retries: number
  ceiling: JudgeCeiling
  /** Whether an answer without usage ends the run, because a token ceiling could not be kept. */
  needsUsage: boolean
  /** Answers from an earlier run. */
  known: readonly JudgeAnswer[]
  /** Stores an answer. Its place asks for the next one afterwards. */
  keep: (answer: JudgeAnswer) => Promise<void>
  signal: AbortSignal
}>

/** `failed`: pairs without a usable answer; `failure`: why the last one failed; `left`: pairs that the `ceiling` left out. */
export type Judged = Readonly<{
  judgements: readonly Judgement[]
  failed: number
  failure?: string
  left: number
  ceiling?: string
}>

/**
 * Asks a chat model about each pair, with the order of the replies drawn by seed and id. Known answers are reused. A pair without a usable
 * answer counts as failed, one that a ceiling leaves out as left.
 *
 * - errors: `RemoteError` if no further call can succeed
 */
export async function judge(pairs: readonly ReplyPair[], judgeOptions: JudgeOptions): Promise<Judged> {
  const stop = new AbortController()
  const options = { ...judgeOptions, signal: AbortSignal.any([judgeOptions.signal, stop.signal]) }
  const known = new Map(options.known.filter(({ a }) => a !== undefined).map((answer) => [answer.key, answer]))
  let ceiling: string | undefined
  const answer = (pair: ReplyPair): Observable<JudgeAnswer> => {
    const one = question(pair, options)
    const answer = known.get(one.key)
    if (answer) return of(answer)
    if (ceiling !== undefined) return EMPTY
    return from(answerTo(pair, one, options)).pipe(
      catchError((error: unknown) => {
        if (!(error instanceof CeilingReached)) throw error
        ceiling = error.message
        return EMPTY
      }),
    )
  }
  const all = from(pairs).pipe(
    mergeMap(answer, options.concurrency),
    toArray(),
    // A failure cancels the running requests.
    finalize(() => stop.abort()),
  )
  const answers = await lastValueFrom(all)
  const judgements = answers.flatMap(({ id, a, b, first }) => (a === undefined || b === undefined ? [] : [{ id, a, b, first }]))
  const failures = answers.flatMap(({ error }) => error ?? [])
  return {
    ...{ judgements, failed: failures.length, left: pairs.length - answers.length },
    ...(failures.length > 0 && { failure: failures.at(-1)! }),
    ...(ceiling !== undefined && { ceiling }),
  }
}

type Question = Readonly<{ first: 'a' | 'b'; key: string; messages: readonly TextMessage[] }>

function question({ id, prompt, a, b }: ReplyPair, { seed, judge: name }: JudgeOptions): Question {
  const first = uniform(seed, id, JUDGE_SAMPLE, 1) < 0.5 ? 'a' : 'b'
  const replies = [a.completion!, b.completion!]
  if (first === 'b') replies.reverse()
  const messages = judgePrompt(prompt, replies[0]!, replies[1]!)
  const text = JSON.stringify([name, first, messages])
  return { first, messages, key: hashText(text) }
}

async function answerTo({ id }: ReplyPair, { first, key, messages }: Question, options: JudgeOptions): Promise<JudgeAnswer> {
  const { ask, ceiling, retries, needsUsage, keep, signal } = options
  let [calls, tokens] = [0, 0]
  const watch = {
    admit: async () => {
      await ceiling.admit()
      calls++
    },
    settle: (used?: number) => {
      tokens += used ?? 0
      ceiling.settle(used)
    },
  }
  const kept = async (answer: Partial<JudgeAnswer>): Promise<JudgeAnswer> => {
    const whole = { id, key, first, calls, tokens, ...answer }
    await keep(whole)
    return whole
  }
  let text = ''
  try {
    for (let attempt = 0; attempt <= retries; attempt++) {
      const answer = await ask(messages, watch, signal)
      if (needsUsage && answer.tokens === undefined)
        throw new RemoteError('The answer reports no `usage.total_tokens`, which a ceiling of tokens needs', true)
      text = answer.text
      const scores = parseScores(text)
      if (!scores) continue
      const [ofA, ofB] = first === 'a' ? scores : [scores[1], scores[0]]
      return await kept({ a: ofA, b: ofB, answer: text })
    }
  } catch (error) {
    if (error instanceof CeilingReached && calls > 0) await kept({ error: 'the ceiling was reached before a usable answer' })
    if (signal.aborted || !(error instanceof RemoteError) || error.isHopeless) throw error
    return kept({ error: messageOf(error) })
  }
  return kept({ answer: text, error: 'no scores from 1 to 10 in the answer' })
}

/** Judges by a reward model: the scores are its rewards, and order has no effect. A reply that it cannot read fails its pair. */
export async function judgeByReward(pairs: readonly ReplyPair[], { measure }: Measure): Promise<Judged> {
  const [a, b] = [await measure(pairs.map((pair) => pair.a)), await measure(pairs.map((pair) => pair.b))]
  const all = pairs.map(({ id }, index) => ({ id, a: a[index]!, b: b[index]! }))
  const judgements = all.filter((one) => Number.isFinite(one.a) && Number.isFinite(one.b))
  return { judgements, failed: all.length - judgements.length, left: 0 }
}
