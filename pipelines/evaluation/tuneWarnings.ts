import type { Estimate } from '../../src/eval/wilson.js'
import type { Tuned, TuneRow } from './tune.js'

const rises = (difference: Estimate | null | undefined): boolean => (difference?.low ?? 0) > 0
const falls = (difference: Estimate | null | undefined): boolean => (difference?.high ?? 0) < 0

/**
 * What a user should know before taking the best setting: where the guide's reward rises over greedy decoding while the judge's reward or the
 * diversity falls (each beyond its 95% interval), so that the guide is satisfied and nobody else; and whether the best setting is better beyond doubt.
 *
 * @see Scaling Laws for Reward Model Overoptimization (Gao et al., 2023)
 */
export function tuneWarnings({ best, rows }: Tuned): string[] {
  const nameOf = (row: TuneRow): string => (row.name === best?.name ? `${row.name} (the best)` : row.name)
  const satisfied = (what: string, of: 'judge' | 'diversity'): string[] => {
    const found = rows.filter(({ differences }) => rises(differences?.reward) && falls(differences?.[of]))
    return found.length === 0
      ? []
      : [`The guide's reward rises over greedy decoding while ${what} falls: ${found.map(nameOf).join(', ')}`]
  }
  const winner = rows.find(({ name }) => name === best?.name)
  const weights = rows.flatMap(({ point }) => point?.weight ?? [])
  const isAtEdge = best !== undefined && weights.some((one) => one !== best.weight) && best.weight === Math.max(...weights)
  return [
    ...satisfied("the judge's reward", 'judge'),
    ...satisfied('diversity', 'diversity'),
    ...(best === undefined
      ? [
          'No setting has a higher reward by the judge than greedy decoding: this guide does not help here, or its weight is wrong',
        ]
      : []),
    ...(winner && !rises(winner.differences?.judge)
      ? [
          `The interval of the judge's difference between ${winner.name} and greedy decoding holds 0: more prompts may tell them apart`,
        ]
      : []),
    ...(isAtEdge ? [`${best.weight} is the largest weight that was tried: a grid with larger ones may have a better one`] : []),
  ]
}
