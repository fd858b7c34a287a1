import * as z from 'zod'
import type { Weight } from '../../../pipelines/decoding/perReward.js'
import { optionAbout } from '../../../pipelines/registry/optionAbout.js'
import { decoders } from '../../../pipelines/registry/registry.js'
import { searches } from '../../../pipelines/registry/searchRegistry.js'
import { OptionError } from '../../core/errors.js'
import { expectation } from '../../core/expectation.js'
import { didYouMean } from '../../core/nearest.js'
import { modelName } from '../../models/modelFolder.js'
import { isHttp } from '../../models/remote/httpAddress.js'
import { readServer } from './readServer.js'

const quote = (text: string): string => (text === '' ? 'nothing' : `\`${text}\``)

/** Parses a number; `schema` validates it. */
export const number =
  (flag: string, schema: z.ZodType) =>
  (text: string): number => {
    const value = text.trim() === '' ? Number.NaN : Number(text)
    const { error } = schema.safeParse(value)
    if (error) throw new OptionError(`Expected \`--${flag}\` to be ${expectation(schema, error.issues[0]!)}, got ${quote(text)}`)
    return value
  }

/** Parses one of several words. */
export const oneOf =
  <T extends string>(flag: string, words: readonly T[]) =>
  (text: string): T => {
    const word = words.find((each) => each === text)
    if (word === undefined)
      throw new OptionError(
        `Expected \`--${flag}\` to be one of ${words.join(', ')}, got ${quote(text)}${didYouMean(text, words)}`,
      )
    return word
  }

/** Help of `--end-token`. */
export const END_TOKEN_HELP =
  'special token, such as "<|im_end|>", that a reward model reads after each reply that no token limit cut off (default: none)'

/** Parses a text that must not be empty. */
export const text =
  (flag: string) =>
  (value: string): string => {
    if (value === '') throw new OptionError(`Expected \`--${flag}\` to be text, got nothing`)
    return value
  }

/** Parses several values, separated by commas. */
export const list =
  <T>(parse: (text: string) => T) =>
  (value: string): readonly T[] =>
    value.split(',').map((each) => parse(each.trim()))

/** Parses a flag that may occur several times. */
export const collect =
  <T>(parse: (text: string) => T) =>
  (value: string, before: readonly T[] | undefined): readonly T[] => [...(before ?? []), parse(value)]

export type NamedPath = Readonly<{ name?: string; path: string; label?: string }>

/** A reward with its name. With `url` it is a server, and `path` is the address without secrets. */
export type RewardPath = NamedPath & Readonly<{ name: string; url?: string }>

/** Parses `[NAME=]PATH`. */
export const namedPath =
  (flag: string) =>
  (value: string): NamedPath => {
    const match = value.match(/^([\w-]+)=(.*)$/s)
    const path = match ? match[2]! : value
    if (path === '') throw new OptionError(`Expected \`--${flag}\` to be [NAME=]PATH, got ${quote(value)}`)
    return match ? { name: match[1]!, path } : { path }
  }

/** Parses `NAME=PATH`, a further language model. */
export function otherLm(value: string): Required<Pick<NamedPath, 'name' | 'path'>> {
  const { name, path } = namedPath('other-lm')(value)
  if (name === undefined) throw new OptionError(`Expected \`--other-lm\` to be NAME=PATH, got ${quote(value)}`)
  return { name, path }
}

/** @throws OptionError for two values of a flag that have the same name */
export function checkNames(flag: string, named: readonly Readonly<{ name: string }>[]): void {
  const twice = named.find(({ name }, index) => named.findIndex((other) => other.name === name) !== index)
  if (twice) throw new OptionError(`Expected each \`--${flag}\` to have a name of its own, got \`${twice.name}\` twice`)
}

/**
 * Assigns labels to rewards: `NAME=LABEL`, or just a label if there is one reward.
 *
 * @throws OptionError for a label without a reward or a second label of one reward; for a server as `readServer`
 */
export function withLabels(rewards: readonly (NamedPath | RewardPath)[], labels: readonly string[] = []): readonly RewardPath[] {
  const paths = rewards.map((reward): RewardPath => {
    if (isHttp(reward.path) && !('url' in reward)) return { ...reward, ...readServer(reward) }
    return { ...reward, name: reward.name ?? modelName(reward.path) }
  })
  return withEach(paths, labels, { flag: 'reward-label', key: 'label', kinds: 'a model or a server' })
}

type Assigned = Readonly<{ flag: string; key: 'label' | 'endToken'; kinds: string }>

/**
 * Assigns values of a flag to rewards: `NAME=VALUE`, or just a value if there is one reward.
 *
 * @throws OptionError for a value without a reward or a second value of one reward
 */
export const withEach = <R extends Readonly<{ name: string; label?: string | undefined; endToken?: string | undefined }>>(
  rewards: readonly R[],
  values: readonly string[],
  { flag, key, kinds }: Assigned,
): readonly R[] =>
  values.reduce((all, text) => {
    const owner = all.find(({ name }) => text.startsWith(`${name}=`)) ?? (all.length === 1 ? all[0] : undefined)
    if (!owner) {
      const names = all.map(({ name }) => name).join(', ')
      if (names === '') throw new OptionError(`Expected a \`--reward\` that is ${kinds} beside \`--${flag}\`, got none`)
      const form = key === 'label' ? 'LABEL' : 'TOKEN'
      throw new OptionError(`Expected \`--${flag}\` to be NAME=${form} with a reward's name (${names}), got ${quote(text)}`)
    }
    if (owner[key] !== undefined)
      throw new OptionError(`Expected one \`--${flag}\` of reward \`${owner.name}\`, got \`${owner[key]}\` and ${quote(text)}`)
    const value = text.startsWith(`${owner.name}=`) ? text.slice(owner.name.length + 1) : text
    return all.map((reward) => (reward === owner ? { ...reward, [key]: value } : reward))
  }, rewards)

const WEIGHT = z.number().describe('a finite number, or NAME=NUMBER separated by commas')

/** Parses `1.5`, the weight of the first reward, or `safe=1,short=0.5`, weights by reward name. */
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
  flag?: string
  parse?: (flag: string) => (text: string) => unknown
  value?: string
}>

/** Flags of decoder options that are not numbers under the option's own name. */
const decoderFlags: Readonly<Record<string, DecoderOption>> = {
  weight: { parse: weight, value: 'numbers' },
  p: { flag: 'top-p' },
}

const flagOf = (option: string): string =>
  decoderFlags[option]?.flag ?? option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

/** Everything that `--decoder` can name. */
const decodersAndSearches = { ...decoders, ...searches }

/** A decoder option as a flag. Several decoders may take it. */
export type DecoderFlag = Readonly<{ option: string; flag: string; value: string; about: string }>

/** Derives the flags of decoders and searches, with their defaults, from the schemas of the registry. */
export function flagsOfDecoders(): DecoderFlag[] {
  const options = [...new Set(Object.values(decodersAndSearches).flatMap(({ options: schema }) => Object.keys(schema.shape)))]
  return options.map((option) => {
    const takers = Object.entries(decodersAndSearches).filter(([, { options: schema }]) => option in schema.shape)
    const defaults = takers.map(
      ([name, { options: schema }]) => `${name} ${String((schema.shape[option] as z.ZodType).parse(undefined))}`,
    )
    const { value = 'number' } = decoderFlags[option] ?? {}
    const about = optionAbout(option) ?? option
    return { option, flag: flagOf(option), value, about: `${about} (default: ${defaults.join(', ')})` }
  })
}

const camel = (flag: string): string => flag.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())

/** Texts of the decoder flags on the command line, by option. */
export const optionTexts = (flags: Readonly<Record<string, unknown>>): Record<string, string> =>
  Object.fromEntries(
    flagsOfDecoders().flatMap(({ option, flag }) => {
      const value = flags[camel(flag)]
      return typeof value === 'string' ? [[option, value] as const] : []
    }),
  )

/** Parses flags as options of a pipeline's steps. The steps validate them. */
export const pipelineOptions = (texts: Readonly<Record<string, string>>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(texts).map(([option, value]) => {
      const parse = decoderFlags[option]?.parse ?? ((flag) => number(flag, z.number()))
      return [option, parse(flagOf(option))(value)]
    }),
  )

/**
 * Parses flags as options of a decoder.
 *
 * @param texts texts of the flags, by option
 * @param schema schema of the decoder's options
 * @throws OptionError for a flag that the decoder does not take, or a wrong value
 */
export function decoderOptions(
  decoder: string,
  texts: Readonly<Record<string, string>>,
  { shape }: z.ZodObject,
): Record<string, unknown> {
  const entries = Object.entries(texts).map(([option, value]) => {
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
