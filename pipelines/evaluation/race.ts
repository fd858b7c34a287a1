import { upperTailOfT } from '../../src/eval/studentT.js'

/** A judge's score of each prompt's reply, by the id of the prompt. */
export type PromptScores = ReadonlyMap<string, number>

/** The setting with the highest mean so far, and those that are behind it beyond doubt. */
export type RaceRound = Readonly<{ leader: string; behind: readonly string[] }>

/** Chance that a race loses its best setting. */
const ERROR = 0.05
const FIRST_ROUND = 16

/** Prompts of each round of a race: 16, twice as many each time, and at last all. Rounds that add few prompts are left out. */
export function raceRounds(prompts: number): number[] {
  const rounds: number[] = []
  for (let size = FIRST_ROUND; size * 1.5 <= prompts; size *= 2) rounds.push(size)
  return [...rounds, prompts]
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/**
 * Decides one round of a race: which settings need no further prompts. A setting falls behind when the leader's scores are higher on the same
 * prompts by a paired t-test, one-sided. Pairing takes out what makes one prompt harder than another. The level is 5% divided by the number of other
 * settings and of rounds, so that the chance of losing the best setting in the whole race is at most 5% (for differences that are about normal).
 *
 * Means are taken over the prompts that all settings have. Without such a prompt nobody falls behind.
 *
 * @param scores scores by the name of the setting; at least one setting
 * @param entries settings at the start of the race
 * @param rounds rounds of the race
 * @see Hoeffding Races (Maron and Moore, 1993); F-Race (Birattari et al., 2002), for tests on shared blocks in place of Hoeffding's bound
 */
export function raceRound(
  scores: ReadonlyMap<string, PromptScores>,
  { entries, rounds }: Readonly<{ entries: number; rounds: number }>,
): RaceRound {
  const names = [...scores.keys()]
  const [first, ...others] = [...scores.values()]
  const shared = [...(first?.keys() ?? [])].filter((id) => others.every((one) => one.has(id)))
  const valuesOf = (name: string): number[] => shared.map((id) => scores.get(name)!.get(id)!)
  const leader = names.reduce((best, name) => (mean(valuesOf(name)) > mean(valuesOf(best)) ? name : best))
  const level = ERROR / (Math.max(1, entries - 1) * rounds)
  const ahead = valuesOf(leader)
  const isBehind = (name: string): boolean => {
    const values = valuesOf(name)
    return chanceOfNone(ahead.map((value, index) => value - values[index]!)) < level
  }
  return { leader, behind: names.filter((name) => name !== leader && isBehind(name)) }
}

/** P-value of the one-sided t-test that the mean of differences is not above 0; 1 for fewer than two. */
function chanceOfNone(differences: readonly number[]): number {
  const count = differences.length
  if (count < 2) return 1
  const middle = mean(differences)
  const squares = differences.reduce((sum, value) => sum + (value - middle) ** 2, 0)
  const error = Math.sqrt(squares / (count - 1) / count)
  // Equal differences leave no doubt. They are rare, as for a judge that counts.
  if (error === 0) return middle > 0 ? 0 : 1
  return upperTailOfT(middle / error, count - 1)
}
