import * as z from 'zod'
import { OptionError } from '../../src/core/errors.js'
import { parseOptions } from '../../src/core/parseOptions.js'
import type { EnsembleReward, EnsembleRule } from '../../src/core/rewardSource.js'

const byName = (value: z.ZodType<number, number>) => z.record(z.string().min(1), value).default({})

export const ensembleRewardOptions = z.strictObject({
  of: z.array(z.string().min(1)).min(2).describe('a list of two or more names of rewards'),
  by: z.enum(['sum', 'min', 'mean']).default('sum').describe('one of sum, min, mean'),
  c: z.number().min(0).optional().describe('a number >= 0'),
  weight: byName(z.number()).describe('finite numbers by member name'),
  mean: byName(z.number()).describe('finite numbers by member name'),
  scale: byName(z.number().positive()).describe('numbers > 0 by member name'),
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
 * Describes a reward that combines other rewards of the run. Each member's score is normalised, `z = (score - mean) / scale`:
 *
 * - `by: 'sum'`: the sum of `weight * z`
 * - `by: 'min'`: the lowest `z`, the worst case
 * - `by: 'mean'`: the mean of `z` minus `c` (default 1) standard deviations of `z` over the members
 *
 * With `running`, `mean` and `scale` come from the member's own scores in the sequence's earlier steps (in the first step, from that
 * step), so they depend on no other prompt. The reward of a whole reply then uses the raw scores, so that replies can be compared.
 *
 * The members are columns of the output, too. They steer only through the ensemble, unless they have weights of their own.
 *
 * @throws OptionError for an invalid option, one without effect beside the others, and a name that is not a member's
 * @see Reward Model Ensembles Help Mitigate Overoptimization (Coste et al., 2024), for the worst case and for uncertainty taken off
 * @example ensembleReward('careful', { of: ['safe', 'helpful'], by: 'min', scale: { safe: 2, helpful: 5 } })
 */
export function ensembleReward(name: string, options: EnsembleRewardOptions): EnsembleReward {
  const { of, by, c, weight, mean, scale, running } = parseOptions(ensembleRewardOptions, options, 'ensembleReward')
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
    throw new OptionError('Expected either `running` or `mean` and `scale`, got both')
  const rule = { by, c: c ?? 1, weight, mean, scale, running }
  const rest = { of, by, ...(by === 'sum' && { weight }), ...(by === 'mean' && { c: rule.c }) }
  return {
    kind: 'ensemble',
    name,
    members: of,
    ...rule,
    spec: { ensemble: { ...rest, ...(running ? { running } : { mean, scale }) } },
  }
}
