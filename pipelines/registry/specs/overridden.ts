import { OptionError } from '../../../src/core/errors.js'
import type { DecoderSpec } from '../../../src/core/step.js'

type Step = DecoderSpec['steps'][number]
type Options = Readonly<Record<string, unknown>>

/**
 * A spec with other options: each goes into every step that states an option of that name. Numbers by the names of rewards go
 * into the steps of those rewards, one number into those of the `first`. What an option may be, the steps' own schemas say when the
 * decoder is made.
 *
 * @throws OptionError for an option that no step states, one number for steps of several rewards, a reward that no step names,
 *   and a decoder with an operator that is not in the registry
 * @example overridden({ steps: [{ topK: { k: 10 } }, { selectGreedy: {} }] }, { k: 5 })
 */
export function overridden(spec: DecoderSpec, options: Options, first?: string): DecoderSpec {
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  if (given.length > 0 && spec.steps.some((step) => 'custom' in step))
    throw new OptionError(`Expected a decoder of registered operators to set \`${given[0]![0]}\` of, got one of one's own`)
  return given.reduce((changed, [name, value]) => withOption(changed, name, value, first), spec)
}

function withOption(spec: DecoderSpec, name: string, value: unknown, first?: string): DecoderSpec {
  const takers = spec.steps.map(optionsOf).filter((options) => Object.hasOwn(options, name))
  if (takers.length === 0) {
    const names = new Set(spec.steps.flatMap((step) => Object.keys(optionsOf(step))))
    throw new OptionError(`No step takes \`${name}\`; the steps state ${[...names].join(', ') || 'no options'}`)
  }
  const rewards = new Set(takers.map(({ reward }) => reward as string | undefined))
  const known = [...rewards].map((reward) => reward ?? 'the first').join(', ')
  const isByName = typeof value === 'object' && value !== null && !Array.isArray(value)
  const foreign = isByName && Object.keys(value).find((reward) => !rewards.has(reward))
  if (foreign) throw new OptionError(`Expected \`${name}\` to name rewards that the steps combine (${known}), got \`${foreign}\``)
  const isOfFirst = !isByName && rewards.size > 1
  if (isOfFirst && !rewards.has(first))
    throw new OptionError(`Expected \`${name}\` by the names of the rewards (${known}), got one for all`)
  const changed = (options: Options): unknown =>
    isByName
      ? ((value as Options)[options.reward as string] ?? options[name])
      : isOfFirst && options.reward !== first
        ? options[name]
        : value
  const steps = spec.steps.map((step) => {
    const options = optionsOf(step)
    return Object.hasOwn(options, name) ? { [Object.keys(step)[0]!]: { ...options, [name]: changed(options) } } : step
  })
  return { ...spec, steps }
}

const optionsOf = (step: Step): Options => (Object.values(step)[0] ?? {}) as Options
