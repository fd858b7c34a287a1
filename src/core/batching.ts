/** Decides which of the models that share processors may run a batch now. */
export type Turns = Readonly<{
  /** Returns how many of `waiting` calls the next batch may have. After 0 it calls `wake` once when that may have changed. */
  take(waiting: number, wake: () => void): number
  /** Ends a turn. Takes the number of new prompt tokens of each of its calls, 0 for a step of a running sequence. */
  give(promptTokens: readonly number[]): void
}>

type Groups = 1 | 2

/** Calls per running sequence that measure a split, and the calls before them in which the groups form. */
const MEASURED = 12
const FORMING = 4
/** How much faster two groups must be than one, because their steps wait for each other and measurements vary. */
const GAIN = 1.05
/** If this share of all sequences waits in one place, they are one group and not two. */
const TOGETHER = 0.75
/** Below this share of all sequences, waiting sequences join the next group. */
const FRAGMENT = 0.4
/** Measurements after which the slower split is tried again. */
const LASTS = 16

/**
 * Gives turns by measurement. Either all running sequences go through one model and then through the next (the largest batches), or two groups
 * alternate, one in each model (no model waits while a result is on its way). The faster of the two goes on.
 *
 * @param running how many sequences there are now
 * @param now milliseconds
 */
export function measuredTurns(running: () => number, now: () => number): Turns {
  const asleep = new Set<() => void>()
  const rates = new Map<Groups, number>()
  let groups: Groups = 1
  let turns = 0
  let repeats = 0
  let calls = Number.NEGATIVE_INFINITY
  let startedAt = now()

  const measure = (next: Groups): void => {
    groups = next
    calls = -FORMING * running()
  }
  const compare = (): void => {
    rates.set(groups, calls / (now() - startedAt))
    const [together = 0, apart] = [rates.get(1), rates.get(2)]
    const better = apart === undefined || apart > GAIN * together ? 2 : 1
    repeats = better === groups ? repeats + 1 : 0
    if (repeats === LASTS) repeats = 0
    measure(repeats === 0 && better === groups ? other(groups) : better)
  }
  return {
    take(waiting, wake) {
      if (turns > 0 && (groups === 1 || waiting < FRAGMENT * running())) {
        asleep.add(wake)
        return 0
      }
      turns += 1
      return groups === 1 || waiting < TOGETHER * running() ? waiting : Math.ceil(waiting / 2)
    },
    give(promptTokens) {
      turns -= 1
      const steps = promptTokens.filter((tokens) => tokens === 0).length
      // The cost of prompts says nothing about the split.
      if (
        running() < 2 ||
        promptTokens.reduce((sum, tokens) => sum + tokens, 0) > 4 * steps ||
        calls === Number.NEGATIVE_INFINITY
      )
        measure(groups)
      else {
        const wasFormed = calls >= 0
        calls += steps
        if (!wasFormed && calls >= 0) [calls, startedAt] = [0, now()]
        else if (calls >= MEASURED * running()) compare()
      }
      const woken = [...asleep]
      asleep.clear()
      for (const wake of woken) wake()
    },
  }
}

const other = (groups: Groups): Groups => (groups === 1 ? 2 : 1)

/** Gives no turns: every model runs whenever it can. */
export const freeTurns: Turns = { take: (waiting) => waiting, give: () => undefined }

/** The most calls of a batch, and how many new prompt tokens each call has (0 for a step of a running sequence). */
type BatchLimits<T> = Readonly<{ maxBatch: number; promptTokens?: (call: T) => number }>

/** With this many running sequences or more, prompt tokens in a batch are limited to this many per running sequence. */
const RUNNING = 8
const PROMPT_TOKENS_EACH = 16

/**
 * Chooses the waiting calls of the next batch, first come, first served, up to `maxBatch`. Prompts that arrive while others run go a piece
 * at a time, so that a step of the others takes at most about twice as long. At least one piece always goes.
 */
export function nextBatch<T>(
  waiting: readonly T[],
  { maxBatch, promptTokens = () => 0 }: BatchLimits<T>,
): Readonly<{ batch: readonly T[]; rest: readonly T[] }> {
  const running = waiting.filter((call) => promptTokens(call) === 0).length
  let left = running < RUNNING ? Number.POSITIVE_INFINITY : running * PROMPT_TOKENS_EACH
  let first = true
  const batch: T[] = []
  const rest: T[] = []
  for (const call of waiting) {
    const tokens = promptTokens(call)
    const fits = batch.length < maxBatch && (tokens === 0 || tokens <= left || first)
    if (fits) batch.push(call)
    else rest.push(call)
    if (!fits || tokens === 0) continue
    left -= tokens
    first = false
  }
  return { batch, rest }
}
