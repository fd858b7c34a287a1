import type * as z from 'zod'
import { OptionError } from '../src/core/errors.js'
import { parseOptions } from '../src/core/parseOptions.js'
import type { Decoder } from '../src/core/types.js'
import { args, argsOptions } from './decoders/args.js'
import { argsPruned, argsPrunedOptions } from './decoders/argsPruned.js'
import { argsStochastic, argsStochasticOptions } from './decoders/argsStochastic.js'
import { greedy, greedyOptions } from './decoders/greedy.js'
import { nucleus, nucleusOptions } from './decoders/nucleus.js'
import { topKSampling, topKSamplingOptions } from './decoders/topKSampling.js'

/** A decoder by name: the schema of its options (defaults included), what it needs, and how it is made. */
export type DecoderEntry = Readonly<{
  options: z.ZodObject
  /** Whether it cannot decode without a reward. */
  needsReward: boolean
  make: (options: unknown) => Decoder
}>

const entry = <T extends z.ZodObject>(
  options: T,
  needsReward: boolean,
  make: (options: z.output<T>) => Decoder,
): DecoderEntry => ({
  options,
  needsReward,
  make: (given) => make(parseOptions(options, given)),
})

/** The decoders under the names of the command line. */
export const decoders: Readonly<Record<string, DecoderEntry>> = {
  args: entry(argsOptions, true, args),
  'args-pruned': entry(argsPrunedOptions, true, argsPruned),
  'args-stochastic': entry(argsStochasticOptions, true, argsStochastic),
  greedy: entry(greedyOptions, false, greedy),
  'top-k': entry(topKSamplingOptions, false, topKSampling),
  nucleus: entry(nucleusOptions, false, nucleus),
}

/**
 * A decoder by its name, with its options by theirs.
 *
 * @throws OptionError for an unknown name, an option that the decoder does not take, and one that may not be
 * @example decoderByName('args', { k: 10, weight: 1.5 })
 */
export function decoderByName(name: string, options: Readonly<Record<string, unknown>> = {}): Decoder {
  const found = Object.hasOwn(decoders, name) ? decoders[name]! : undefined
  if (!found) throw new OptionError(`Expected \`decoder\` to be one of ${Object.keys(decoders).join(', ')}, got \`${name}\``)
  const known = Object.keys(found.options.shape)
  const foreign = Object.keys(options).find((option) => options[option] !== undefined && !known.includes(option))
  if (foreign !== undefined)
    throw new OptionError(`Decoder \`${name}\` takes no option \`${foreign}\`; it takes ${known.join(', ') || 'none'}`)
  return found.make(Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)))
}
