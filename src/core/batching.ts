/** Decides which of the models that share processors may run a batch now. */
export type Turns = Readonly<{
  /** Returns how many of `waiting` calls the next batch may have. After 0 it calls `wake` once when that may have changed. */
  take(waiting: number, wake: () => void): number
  /** Ends a turn. Takes the number of new prompt tokens of each of its calls, 0 for a step of a running sequence. */
  give(promptTokens: readonly number[]): void
}>

/** Calls per running sequence in which new groups form, before they are measured. One group has formed when a turn has all sequences. */
const FORMING = 4
/** From this share of a group on, waiting sequences are a group; fewer of them join the next one. */
const WHOLE = 0.8
/** Windows of a measurement. Their median counts, because something else may hold up one of them. */
const WINDOWS = 3
/** A split with two windows as slow as this is not measured any further. */
const HOPELESS = 0.8
/** Steps that are measured before the slower split is tried again. */
const LASTS = 384

export type MeasuredTurnsOptions = Readonly<{
  /** How many sequences there are now. */
  running: () => number
  /** Milliseconds. */
  now: () => number
  /** Calls per running sequence in each of the three windows that measure a split (4). */
  window?: number
  /** How many groups are tried beside one (2). */
  most?: number
  /**
   * Calls `wake` after some milliseconds. For models whose sequences also wait where no turns are given, such as for a reward's server: one group
   * then forms where the sequences take turns, each of which waits for the others for one step at most.
   */
  later?: (wake: () => void, milliseconds: number) => void
  /** How much faster they must be than one (1.05), because their steps wait for each other and measurements vary. Below 1, one must be faster. */
  gain?: number
}>

/**
 * Gives turns by measurement. Either all running sequences go together, from one model to the next (the largest batches), or in groups that are
 * in different models or requests at the same time (nothing waits while a result is on its way). The faster of the two goes on.
 */
export function measuredTurns({ running, now, window = 4, most = 2, gain = 1.05, later }: MeasuredTurnsOptions): Turns {
  const asleep = new Set<() => void>()
  const rates = new Map<number, number>()
  let groups = 1
  let turns = 0
  let repeats = 0
  let calls = Number.NEGATIVE_INFINITY
  let startedAt = now()
  let windows: number[] = []
  let formingSince = startedAt
  /** It ends by its timer and not by the time: no call may come after it, and a timer may be early. */
  let hold: { hasEnded: boolean } | undefined

  const other = (): number => (groups === 1 ? most : 1)
  const form = (next: number): void => {
    groups = next
    calls = -FORMING * running()
    formingSince = now()
    windows = []
    hold = undefined
  }
  const startWindow = (): void => {
    calls = 0
    startedAt = now()
  }
  const endWindow = (): void => {
    windows.push(calls / (now() - startedAt))
    startWindow()
    const slow = windows.filter((rate) => rate < HOPELESS * (rates.get(other()) ?? 0))
    if (windows.length === WINDOWS || slow.length === 2) compare()
  }
  const compare = (): void => {
    const rate = windows.sort((a, b) => a - b)[1]!
    // With half of what was known, so that a short load on the machine does not decide for hundreds of steps.
    rates.set(groups, ((rates.get(groups) ?? rate) + rate) / 2)
    windows = []
    const [together = 0, apart] = [rates.get(1), rates.get(most)]
    const better = apart === undefined || apart > gain * together ? most : 1
    repeats = better === groups ? repeats + 1 : 0
    if (repeats * WINDOWS * window >= LASTS) repeats = 0
    const next = repeats === 0 && better === groups ? other() : better
    if (next === groups) startWindow()
    else form(next)
  }
  /** Whether some sequences wait for the rest of the only group, which is forming. */
  const isHeld = (waiting: number, wake: () => void): boolean => {
    const isForming = groups === 1 && calls < 0 && waiting < running()
    const ended = calls + FORMING * running()
    const rate = rates.get(groups) ?? (ended < running() ? undefined : ended / (now() - formingSince))
    if (!later || rate === undefined || !isForming) return false
    if (!hold) {
      const begun = { hasEnded: false }
      hold = begun
      const end = (): void => {
        begun.hasEnded = true
        wake()
      }
      later(end, running() / rate)
    }
    return !hold.hasEnded
  }
  return {
    take(waiting, wake) {
      if (isHeld(waiting, wake)) return 0
      const group = running() / groups
      if (turns > 0 && (groups === 1 || waiting < WHOLE * group)) {
        asleep.add(wake)
        return 0
      }
      turns += 1
      hold = undefined
      // More may wait than there are sequences: rewards of finished ones.
      return Math.ceil(waiting / Math.min(groups, Math.max(1, Math.round(waiting / group))))
    },
    give(promptTokens) {
      turns -= 1
      const steps = promptTokens.filter((tokens) => tokens === 0).length
      // The cost of prompts says nothing about the split.
      if (running() < 2 || promptTokens.reduce((sum, tokens) => sum + tokens, 0) > 4 * steps) form(groups)
      else {
        if (calls === Number.NEGATIVE_INFINITY) form(groups)
        const wasFormed = calls >= 0
        calls += steps
        const isFormed = calls >= 0 || (groups === 1 && steps >= running())
        if (!wasFormed && isFormed) startWindow()
        else if (calls >= window * running()) endWindow()
      }
      const woken = [...asleep]
      asleep.clear()
      for (const wake of woken) wake()
    },
  }
}

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
