import type { PromptContent, Row, Sequence, TextCodec, TracedStep } from '../src/core/types.js'
import type { DecodedStep } from './decode.js'
import type { Job } from './jobs.js'

/** When a row was begun and how long it took, in milliseconds. */
type Timing = Readonly<{ startedAt: number; durationMs: number }>

/** What is kept of the steps of one sequence: numbers of the chosen tokens; candidates only for a trace. */
export type Tally = {
  last?: DecodedStep
  readonly logits: number[]
  readonly scores: number[]
  readonly rewards: number[]
  readonly trace: TracedStep[]
}

export const emptyTally = (): Tally => ({ logits: [], scores: [], rewards: [], trace: [] })

/** Adds a step. The tally is changed in place: it belongs to one sequence, and copying it would cost the square of the length. */
export function tally(
  sum: Tally,
  step: DecodedStep,
  { trace, reward }: Readonly<{ trace: boolean; reward: string | undefined }>,
): Tally {
  const { index, tokenIds, tokenLogits, scores } = step
  const rewards = step.rewards?.[reward ?? ''] ?? Object.values(step.rewards ?? {})[0]
  sum.last = step
  sum.logits.push(tokenLogits[index]!)
  sum.scores.push(scores[index]!)
  if (rewards) sum.rewards.push(rewards[index]!)
  if (trace) sum.trace.push({ tokenIds, logits: tokenLogits, ...(rewards && { rewards }), scores })
  return sum
}

/** The row of a finished sequence. `reward`: the value of prompt and reply, or null without a reward. */
export function rowOf(sum: Tally, prompt: string, reward: number | null, timing: Timing, trace: boolean): Row {
  const { sequence, finish } = sum.last!
  return {
    id: sequence.promptId,
    sample: sequence.sample,
    prompt,
    completion: finish!.completion,
    promptTokenIds: sequence.promptTokenIds,
    tokenIds: sequence.tokenIds,
    finishReason: finish!.reason,
    error: null,
    reward,
    rewards: sum.rewards.length > 0 ? sum.rewards : null,
    logits: sum.logits,
    scores: sum.scores,
    seed: sequence.seed,
    promptTokens: sequence.promptTokenIds.length,
    completionTokens: sequence.tokenIds.length,
    ...timing,
    ...(trace && { trace: sum.trace }),
  }
}

/** The row of a prompt that could not finish: who it was, and why. */
export function errorRow({ prompt, sample }: Job, error: string, codec: TextCodec, seed: number, timing: Timing): Row {
  return {
    id: prompt.id,
    sample,
    prompt: prompt.content ? shownText(prompt.content, codec) : null,
    completion: null,
    promptTokenIds: null,
    tokenIds: null,
    finishReason: 'error',
    error,
    reward: null,
    rewards: null,
    logits: null,
    scores: null,
    seed,
    promptTokens: null,
    completionTokens: null,
    ...timing,
  }
}

/** A prompt as text; null where it cannot be rendered, which is as a rule what the row's error says. */
function shownText(content: PromptContent, codec: TextCodec): string | null {
  try {
    return content.messages ? codec.render(content.messages) : content.text
  } catch {
    return null
  }
}

/** The sequence up to the stop: with an end token, without a stop string. */
export const valued = ({ sequence, finish }: DecodedStep): Sequence =>
  finish!.valuedTokens === sequence.tokenIds.length
    ? sequence
    : { ...sequence, tokenIds: sequence.tokenIds.slice(0, finish!.valuedTokens) }
