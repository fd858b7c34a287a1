import * as z from 'zod'
import { OptionError } from '../../src/core/errors.js'
import { parseOptions } from '../../src/core/parseOptions.js'
import type { EnsembleReward, EnsembleRule } from '../../src/core/rewardSource.js'

const byName = (value: z.ZodType<number, number>) => z.record(z.string().min(1), value).default({})

export const ensembleRewardOptions = z.strictObject({
  of: z.array(z.string().min(1)).min(2).describe('a list of two or more names of rewards'),
  by: z.enum(['sum', 'min', 'mean']).default('sum').describe('one of sum, min, mean'),
  c: z.number().min(0).optional().describe('a number >= 0'),
  weight: byName(z.number()).describe('finite numbers by the names of members'),
  mean: byName(z.number()).describe('finite numbers by the names of members'),
  scale: byName(z.number().positive()).describe('numbers > 0 by the names of members'),
  running: z.boolean().default(false).describe('true or false'),
})
export type EnsembleRewardOptions = Readonly<{
  /** Names of the members, at least two. */
  of: readonly string[]
  /** How the members become one number (`sum`). */
  by?: EnsembleRule | undefined
  /** With `by: mean`: how many standard deviations to subtract (1). */
  c?: number | undefined
  /** With `by: sum`: weights by member (1). */
  weight?: Readonly<Record<string, number>> | undefined
  /** Mean of each member's scores, by member (0). */
  mean?: Readonly<Record<string, number>> | undefined
  /** Standard deviation of each member's scores, by member (1). */
  scale?: Readonly<Record<string, number>> | undefined
  /** Whether to use the mean and deviation of the sequence's own earlier scores (false). */
  running?: boolean | undefined
}>

/**
 * A reward made of others of the run, as data. Of each member's score, normalised as `z = (score - mean) / scale`:
 *
 * - `by: 'sum'`: the sum of `weight * z`
 * - `by: 'min'`: the least `z`, the worst case
 * - `by: 'mean'`: the mean of `z` minus `c` (default 1) standard deviations of `z` over the members
 *
 * `mean` 0 and `scale` 1 unless given. With `running` they are the mean and the standard deviation of the scores that the member
 * gave to the candidates of the sequence's earlier steps (in its first step, of that step's own): of this sequence alone, so that they depend
 * on no other prompt. The value of a whole sequence is then of the scores as they are, or no two sequences could be compared.
 *
 * The members are columns of the output, too; they steer through the ensemble only, unless they are given weights.
 *
 * @throws OptionError for an option that may not be or has no meaning beside the others, and a name that is no member's
 * @see Reward Model Ensembles Help Mitigate Overoptimization (Coste et al., 2024), for the worst case and for uncertainty taken off
 * @example ensembleReward('careful', { of: ['safe', 'helpful'], by: 'min', scale: { safe: 2, helpful: 5 } })
 */
export function ensembleReward(name: string, options: EnsembleRewardOptions): EnsembleReward {
  const { of, by, c, weight, mean, scale, running } = parseOptions(ensembleRewardOptions, options)
  const twice = of.find((member, index) => of.indexOf(member) !== index)
  if (twice !== undefined) throw new OptionError(`Expected each member once in \`of\`, got \`${twice}\` twice`)
  for (const [option, numbers] of Object.entries({ weight, mean, scale })) {
    const foreign = Object.keys(numbers).find((member) => !of.includes(member))
    if (foreign !== undefined)
      throw new OptionError(`Expected \`${option}\` to name members (${of.join(', ')}), got \`${foreign}\``)
  }
  if (by !== 'sum' && Object.keys(weight).length > 0) throw new OptionError(`Expected \`weight\` beside \`by\` sum, got ${by}`)
  if (by !== 'mean' && c !== undefined) throw new OptionError(`Expected \`c\` beside \`by\` mean, got ${by}`)
  if (running && Object.keys({ ...mean, ...scale }).length > 0)
    throw new OptionError('Expected `running` or a given `mean` and `scale`, got both')
  const rule = { by, c: c ?? 1, weight, mean, scale, running }
  const said = { of, by, ...(by === 'sum' && { weight }), ...(by === 'mean' && { c: rule.c }) }
  return {
    kind: 'ensemble',
    name,
    members: of,
    ...rule,
    spec: { ensemble: { ...said, ...(running ? { running } : { mean, scale }) } },
  }
}
