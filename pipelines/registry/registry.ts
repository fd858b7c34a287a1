import { operators } from '../../operators/index.js'
import type { RegisteredOperator } from '../../src/core/registryEntry.js'
import type { Decoder } from '../../src/core/step.js'
import { args, argsOptions } from '../decoders/args.js'
import { argsPruned, argsPrunedOptions } from '../decoders/argsPruned.js'
import { argsStochastic, argsStochasticOptions } from '../decoders/argsStochastic.js'
import { classifierFreeGuidance, classifierFreeGuidanceOptions } from '../decoders/classifierFreeGuidance.js'
import { contrastive, contrastiveOptions } from '../decoders/contrastive.js'
import { contrastiveDecoding, contrastiveDecodingOptions } from '../decoders/contrastiveDecoding.js'
import { dexperts, dexpertsOptions } from '../decoders/dexperts.js'
import { genarm, genarmOptions } from '../decoders/genarm.js'
import { greedy, greedyOptions } from '../decoders/greedy.js'
import { nucleus, nucleusOptions } from '../decoders/nucleus.js'
import { rad, radOptions } from '../decoders/rad.js'
import { topKSampling, topKSamplingOptions } from '../decoders/topKSampling.js'
import { entry, makeByName, type Registered } from './entry.js'

/** A decoder by name. */
export type RegisteredDecoder = Registered<Decoder>

/** Operators and decoders by name, for pipelines as data. */
export type Registry = Readonly<{
  operators: Readonly<Record<string, RegisteredOperator>>
  decoders: Readonly<Record<string, RegisteredDecoder>>
}>

/** The decoders by their names on the command line. */
export const decoders: Registry['decoders'] = {
  args: entry('selects the highest logit + weight * reward among the k likeliest tokens', argsOptions, true, args),
  'args-pruned': entry('args without the reward of candidates that can hardly win', argsPrunedOptions, true, argsPruned),
  'args-stochastic': entry('samples by (logit + weight * reward) / temperature', argsStochasticOptions, true, argsStochastic),
  rad: entry('samples by logit + weight * reward, with rewards in [0, 1]', radOptions, true, rad),
  genarm: entry('samples by logit + weight * log-probability of an autoregressive reward model', genarmOptions, true, genarm),
  greedy: entry('selects the likeliest token', greedyOptions, false, greedy),
  'top-k': entry('samples among the k likeliest tokens', topKSamplingOptions, false, topKSampling),
  nucleus: entry('samples among the fewest likeliest tokens whose probabilities reach p', nucleusOptions, false, nucleus),
  contrastive: entry(
    'contrastive search: selects a probable token that is dissimilar to the context',
    contrastiveOptions,
    false,
    contrastive,
  ),
  dexperts: entry(
    'samples by logit + scale * (expert - antiexpert) with two more language models',
    dexpertsOptions,
    false,
    dexperts,
  ),
  'contrastive-decoding': entry(
    'selects the likely token that an amateur language model finds least likely',
    contrastiveDecodingOptions,
    false,
    contrastiveDecoding,
  ),
  cfg: entry(
    'classifier-free guidance: samples by plain + scale * (prompted - plain)',
    classifierFreeGuidanceOptions,
    false,
    classifierFreeGuidance,
  ),
}

/** The operators and decoders of this package. */
export const builtIn: Registry = { operators, decoders }

/**
 * Makes a decoder from its name and options.
 *
 * @throws OptionError for an unknown name, and an unknown or invalid option
 * @example decoderByName('args', { k: 10, weight: 1.5 })
 */
export const decoderByName = (
  name: string,
  options: Readonly<Record<string, unknown>> = {},
  { decoders: known }: Registry = builtIn,
): Decoder => makeByName('decoder', name, options, known)
