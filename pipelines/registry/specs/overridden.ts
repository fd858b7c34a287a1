import { OptionError } from '../../../src/core/errors.js'
import type { DecoderSpec } from '../../../src/core/step.js'

type Step = DecoderSpec['steps'][number]
type Options = Readonly<Record<string, unknown>>

/**
 * Changes options of a spec. Each option goes into every step that sets it. Numbers by reward name go into the steps of those rewards; a
 * single number goes into those of the `first` reward. The steps' schemas check the values when the decoder is made.
 *
 * @throws OptionError for an option that no step sets, one number for the steps of several rewards, a reward that no step names, and a
 *   decoder with an unregistered operator
 * @example overridden({ steps: [{ topK: { k: 10 } }, { selectGreedy: {} }] }, { k: 5 })
 */
export function overridden(spec: DecoderSpec, options: Options, first?: string): DecoderSpec {
  const changes = Object.entries(options).filter(([, value]) => value !== undefined)
  if (changes.length > 0 && spec.steps.some((step) => 'custom' in step))
    throw new OptionError(`Cannot set \`${changes[0]![0]}\` of a decoder with unregistered operators`)
  return changes.reduce((changed, [name, value]) => withOption(changed, name, value, first), spec)
}

function withOption(spec: DecoderSpec, name: string, value: unknown, first?: string): DecoderSpec {
  const takers = spec.steps.map(optionsOf).filter((options) => Object.hasOwn(options, name))
  if (takers.length === 0) {
    const names = new Set(spec.steps.flatMap((step) => Object.keys(optionsOf(step))))
    throw new OptionError(`No step takes \`${name}\`; the steps set ${[...names].join(', ') || 'no options'}`)
  }
  const rewards = new Set(takers.map(({ reward }) => reward as string | undefined))
  const known = [...rewards].map((reward) => reward ?? 'the first').join(', ')
  const isByName = typeof value === 'object' && value !== null && !Array.isArray(value)
  const foreign = isByName && Object.keys(value).find((reward) => !rewards.has(reward))
  if (foreign) throw new OptionError(`Expected \`${name}\` to name rewards of the steps (${known}), got \`${foreign}\``)
  const isOfFirst = !isByName && rewards.size > 1
  if (isOfFirst && !rewards.has(first))
    throw new OptionError(`Expected \`${name}\` by reward name (${known}), got one value for all`)
  const valueFor = (options: Options): unknown =>
    isByName
      ? ((value as Options)[options.reward as string] ?? options[name])
      : isOfFirst && options.reward !== first
        ? options[name]
        : value
  const steps = spec.steps.map((step) => {
    const options = optionsOf(step)
    return Object.hasOwn(options, name) ? { [Object.keys(step)[0]!]: { ...options, [name]: valueFor(options) } } : step
  })
  return { ...spec, steps }
}

const optionsOf = (step: Step): Options => (Object.values(step)[0] ?? {}) as Options
