import * as z from 'zod'
import type { Weight } from '../../../pipelines/decoding/perReward.js'
import { decoders } from '../../../pipelines/registry/registry.js'
import { searches } from '../../../pipelines/registry/searchRegistry.js'
import { OptionError } from '../../core/errors.js'
import { expectation } from '../../core/expectation.js'
import { didYouMean } from '../../core/nearest.js'
import { modelName } from '../../models/modelFolder.js'
import { isHttp } from '../../models/remote/httpAddress.js'
import { readServer } from './readServer.js'

const shown = (text: string): string => (text === '' ? 'nothing' : `\`${text}\``)

/** A parser of a flag's text as a number; what else it must be is said and checked by its schema. */
export const number =
  (flag: string, schema: z.ZodType) =>
  (text: string): number => {
    const value = text.trim() === '' ? Number.NaN : Number(text)
    const { error } = schema.safeParse(value)
    if (error) throw new OptionError(`Expected \`--${flag}\` to be ${expectation(schema, error.issues[0]!)}, got ${shown(text)}`)
    return value
  }

/** A parser of a flag that takes one of a few words. */
export const oneOf =
  <T extends string>(flag: string, words: readonly T[]) =>
  (text: string): T => {
    const word = words.find((each) => each === text)
    if (word === undefined)
      throw new OptionError(
        `Expected \`--${flag}\` to be one of ${words.join(', ')}, got ${shown(text)}${didYouMean(text, words)}`,
      )
    return word
  }

/** A parser of a flag that may not be empty. */
export const text =
  (flag: string) =>
  (value: string): string => {
    if (value === '') throw new OptionError(`Expected \`--${flag}\` to be text, got nothing`)
    return value
  }

/** A parser of a flag that takes several values with commas between. */
export const list =
  <T>(parse: (text: string) => T) =>
  (value: string): readonly T[] =>
    value.split(',').map((each) => parse(each.trim()))

/** A parser of a flag that may be given several times. */
export const repeated =
  <T>(parse: (text: string) => T) =>
  (value: string, before: readonly T[] | undefined): readonly T[] => [...(before ?? []), parse(value)]

/** What `--dtype` does, for the help of all commands that take it. */
export const DTYPE_HELP =
  'weights are computed with in fp32, fp16 (on a CPU in fp32), q8 or q4; of a folder of ONNX graphs, which one is taken'

/** What `--device` does, for the help of all commands that take it. */
export const DEVICE_HELP = 'models run on the cpu, on a GPU through webgpu, or auto: on a GPU where there is one'

export type NamedPath = Readonly<{ name?: string; path: string; label?: string }>

/** A reward under its name, or its folder's; with `url` it is a server's, and `path` says which. */
export type RewardPath = NamedPath & Readonly<{ name: string; url?: string }>

/** A parser of a flag that is `[NAME=]PATH`. */
export const namedPath =
  (flag: string) =>
  (value: string): NamedPath => {
    const match = value.match(/^([\w-]+)=(.*)$/s)
    const path = match ? match[2]! : value
    if (path === '') throw new OptionError(`Expected \`--${flag}\` to be [NAME=]PATH, got ${shown(value)}`)
    return match ? { name: match[1]!, path } : { path }
  }

/** A parser of `NAME=PATH`, a further language model. */
export function otherLm(value: string): Required<Pick<NamedPath, 'name' | 'path'>> {
  const { name, path } = namedPath('other-lm')(value)
  if (name === undefined) throw new OptionError(`Expected \`--other-lm\` to be NAME=PATH, got ${shown(value)}`)
  return { name, path }
}

/**
 * Rewards with their labels: `NAME=LABEL`, or a label alone where there is one reward.
 *
 * @throws OptionError for a label that is no reward's, and a second one of a reward; for a server as `readServer`
 */
export function withLabels(rewards: readonly (NamedPath | RewardPath)[], labels: readonly string[] = []): readonly RewardPath[] {
  const named = rewards.map((reward): RewardPath => {
    if (isHttp(reward.path) && !('url' in reward)) return { ...reward, ...readServer(reward) }
    return { ...reward, name: reward.name ?? modelName(reward.path) }
  })
  return labels.reduce<readonly RewardPath[]>((all, given) => {
    const owner = all.find(({ name }) => given.startsWith(`${name}=`)) ?? (all.length === 1 ? all[0] : undefined)
    if (!owner) {
      const names = all.map(({ name }) => name).join(', ')
      if (names === '')
        throw new OptionError(`Expected a \`--reward\` that is a model or a server beside \`--reward-label\`, got none`)
      throw new OptionError(`Expected \`--reward-label\` to be NAME=LABEL with a reward's name (${names}), got ${shown(given)}`)
    }
    if (owner.label !== undefined)
      throw new OptionError(
        `Expected one \`--reward-label\` of reward \`${owner.name}\`, got \`${owner.label}\` and ${shown(given)}`,
      )
    const label = given.startsWith(`${owner.name}=`) ? given.slice(owner.name.length + 1) : given
    return all.map((reward) => (reward === owner ? { ...reward, label } : reward))
  }, named)
}

const WEIGHT = z.number().describe('a finite number, or NAME=NUMBER with commas between')

/** A parser of `1.5`, the weight of the first reward, and of `safe=1,short=0.5`, weights by the rewards' names. */
export function weight(flag: string): (text: string) => Weight {
  return (text) => {
    if (!text.includes('=')) return number(flag, WEIGHT)(text)
    const pairs = text.split(',').map((pair) => {
      const at = pair.lastIndexOf('=')
      return [pair.slice(0, at).trim(), number(flag, WEIGHT)(at === -1 ? '' : pair.slice(at + 1))] as const
    })
    const twice = pairs.find(([name], index) => pairs.findIndex(([other]) => other === name) !== index)
    if (twice) throw new OptionError(`Expected each reward once in \`--${flag}\`, got \`${twice[0]}\` twice`)
    return Object.fromEntries(pairs)
  }
}

type DecoderOption = Readonly<{
  flag: string
  about: string
  parse?: (flag: string) => (text: string) => unknown
  value?: string
}>

/** What a decoder's option is called on the command line, and what it is. */
const decoderFlags: Readonly<Record<string, DecoderOption>> = {
  k: { flag: 'k', about: 'candidates a step' },
  weight: {
    flag: 'weight',
    about: 'weight of the reward: score = logit + weight * reward; of several by their names: safe=1,short=0.5',
    parse: weight,
    value: 'numbers',
  },
  temperature: { flag: 'temperature', about: 'divisor of the scores before sampling' },
  reach: {
    flag: 'reach',
    about: 'standard deviations by which a reward may be better than those seen; what could not win then is not scored',
  },
  n: { flag: 'n', about: 'replies, or blocks, of which the best is kept' },
  blockTokens: { flag: 'block-tokens', about: 'tokens of a block' },
  rolloutTokens: { flag: 'rollout-tokens', about: 'greedy tokens after a candidate, before its reward is read' },
  entropyThreshold: {
    flag: 'entropy-threshold',
    about: 'entropy of the next token, in nats, from which a segment ends before it',
  },
  rewardThreshold: {
    flag: 'reward-threshold',
    about: 'reward from which a segment is always accepted; depends on the reward model',
  },
  beta: { flag: 'beta', about: 'how soft acceptance is: exp((reward - threshold) / beta)' },
  rampTokens: { flag: 'ramp-tokens', about: 'tokens after which the threshold has risen to the reward threshold' },
  proposals: { flag: 'proposals', about: 'segments at most of which one is accepted, or else the best' },
  beams: { flag: 'beams', about: 'sequences that go on' },
  lengthPenalty: { flag: 'length-penalty', about: 'power of the length that sums of log-probabilities are divided by' },
  p: {
    flag: 'top-p',
    about: 'mass of the tokens that are kept; of contrastive-decoding the share of the likeliest that they have',
  },
  alpha: {
    flag: 'alpha',
    about:
      'how much likeness to the context counts, as against probability; of cards the share of the reward threshold in the first one, beside the reward of the prompt',
  },
  scale: { flag: 'scale', about: 'how strongly further language models, or the prompt, guide' },
}

const flagOf = (option: string): string =>
  decoderFlags[option]?.flag ?? option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

/** All that `--decoder` names. */
const named = { ...decoders, ...searches }

/** A decoder's option as a flag, over all decoders that take it. */
export type DecoderFlag = Readonly<{ option: string; flag: string; value: string; about: string }>

/** The flags that decoders and searches take, out of the registry's schemas, each with its defaults. */
export function flagsOfDecoders(): DecoderFlag[] {
  const options = [...new Set(Object.values(named).flatMap(({ options: schema }) => Object.keys(schema.shape)))]
  return options.map((option) => {
    const takers = Object.entries(named).filter(([, { options: schema }]) => option in schema.shape)
    const defaults = takers.map(
      ([name, { options: schema }]) => `${name} ${String((schema.shape[option] as z.ZodType).parse(undefined))}`,
    )
    const { about = option, value = 'number' } = decoderFlags[option] ?? {}
    return { option, flag: flagOf(option), value, about: `${about} (default: ${defaults.join(', ')})` }
  })
}

const camel = (flag: string): string => flag.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())

/** Texts of the decoders' flags that were given, by option. */
export const givenOptions = (flags: Readonly<Record<string, unknown>>): Record<string, string> =>
  Object.fromEntries(
    flagsOfDecoders().flatMap(({ option, flag }) => {
      const value = flags[camel(flag)]
      return typeof value === 'string' ? [[option, value] as const] : []
    }),
  )

/** Flags as options of a pipeline's steps, which say themselves what each may be. */
export const pipelineOptions = (given: Readonly<Record<string, string>>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(given).map(([option, value]) => {
      const parse = decoderFlags[option]?.parse ?? ((flag) => number(flag, z.number()))
      return [option, parse(flagOf(option))(value)]
    }),
  )

/**
 * Flags as a decoder's own options.
 *
 * @param given texts of the flags that were given, by option
 * @param schema of the decoder's options
 * @throws OptionError for a flag that the decoder does not take, and for a value that may not be
 */
export function decoderOptions(
  decoder: string,
  given: Readonly<Record<string, string>>,
  { shape }: z.ZodObject,
): Record<string, unknown> {
  const entries = Object.entries(given).map(([option, value]) => {
    const schema = shape[option] as z.ZodType | undefined
    if (schema === undefined) {
      const taken = Object.keys(shape).map((each) => `--${flagOf(each)}`)
      throw new OptionError(
        `The decoder \`${decoder}\` takes no \`--${flagOf(option)}\`; it takes ${taken.join(', ') || 'no options'}`,
      )
    }
    const parse = decoderFlags[option]?.parse ?? ((flag) => number(flag, schema))
    return [option, parse(flagOf(option))(value)] as const
  })
  return Object.fromEntries(entries)
}
