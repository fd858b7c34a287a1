import type { DecoderInfo, OptionSchema, ServerInfo } from './serverInfo.js'

export type ChatMessage = Readonly<{ role: 'system' | 'user' | 'assistant'; content: string }>

/** Options of a decoder or a reward function by name. */
export type Options = Readonly<Record<string, unknown>>

/** A reward and its weight. With `function` it is a reward function with options, otherwise one of the server's rewards. */
export type RewardSetting = Readonly<{
  name: string
  weight: number
  function?: string
  options?: Options
}>

/** What a reader chooses, and a link carries. */
export type PageSettings = Readonly<{
  mode: 'prompt' | 'chat'
  prompt: string
  messages: readonly ChatMessage[]
  decoder: string
  k: number
  temperature: number
  maxTokens: number
  seed: number
  rewards: readonly RewardSetting[]
  /** Options of the decoder that have no setting of their own, as far as they differ from its defaults. */
  options: Options
}>

export const roles = ['user', 'assistant', 'system'] as const

export const DEFAULT_WEIGHT = 1.5

export const defaultSettings: PageSettings = {
  mode: 'chat',
  prompt: '',
  messages: [{ role: 'user', content: 'I feel sad today. What should I do?' }],
  decoder: 'args',
  k: 10,
  temperature: 0,
  maxTokens: 40,
  seed: 1,
  rewards: [{ name: 'chat-rm', weight: DEFAULT_WEIGHT }],
  options: {},
}

export type NumberRange = Readonly<{
  min?: number
  max?: number
  /** Bounds that are themselves outside. */
  above?: number
  below?: number
  isInteger?: boolean
  expected: string
}>

/** What the numbers of settings may be. */
export const ranges = {
  k: { min: 1, isInteger: true, expected: 'an integer >= 1' },
  maxTokens: { min: 1, isInteger: true, expected: 'an integer >= 1' },
  seed: { min: 0, isInteger: true, expected: 'an integer >= 0' },
  temperature: { min: 0, max: 100, expected: 'a number from 0 to 100' },
} satisfies Readonly<Record<string, NumberRange>>

/** What an option may be, after its schema, if it is a number. */
export function rangeOf({ type, minimum, maximum, exclusiveMinimum, exclusiveMaximum, description }: OptionSchema): NumberRange {
  const isInteger = type === 'integer'
  return {
    ...(minimum !== undefined && { min: minimum }),
    ...(maximum !== undefined && { max: maximum }),
    ...(exclusiveMinimum !== undefined && { above: exclusiveMinimum }),
    ...(exclusiveMaximum !== undefined && { below: exclusiveMaximum }),
    isInteger,
    expected: description ?? (isInteger ? 'an integer' : 'a number'),
  }
}

export const weightRange: NumberRange = { expected: 'a number' }

export function isWithin(
  value: number,
  { min = -Number.MAX_VALUE, max = Number.MAX_VALUE, above = -Infinity, below = Infinity, isInteger = false }: NumberRange,
): boolean {
  return value >= min && value <= max && value > above && value < below && (!isInteger || Number.isSafeInteger(value))
}

/** A number that somebody typed: NaN for none. */
export const numberOf = (text: string): number => (text.trim() === '' ? Number.NaN : Number(text))

/** The range of k, which the server may limit. */
export const rangeOfK = (server: ServerInfo | undefined): NumberRange =>
  server ? { ...ranges.k, max: server.maxCandidates, expected: `an integer from 1 to ${server.maxCandidates}` } : ranges.k

/** The settings with the server's rewards in place of rewards that it does not have. */
export function fittedTo(settings: PageSettings, { rewards, decoders, decoder }: ServerInfo): PageSettings {
  const known = settings.rewards.filter(({ name, function: of }) => of !== undefined || rewards.includes(name))
  const keeps = decoders.some(({ name, unavailable }) => name === settings.decoder && unavailable === undefined)
  const served = rewards.slice(0, 1).map((name) => ({ name, weight: DEFAULT_WEIGHT }))
  return {
    ...settings,
    rewards: known.length > 0 ? known : served,
    ...(keeps ? {} : { decoder, options: {} }),
  }
}

/** What settings ask for that the server does not have, as a line for the reader. */
export function lackOf(settings: PageSettings, { rewards, decoders }: ServerInfo): string | undefined {
  const chosen = decoders.find(({ name }) => name === settings.decoder)
  if (chosen === undefined) return `This server has no decoder \`${settings.decoder}\``
  if (chosen.unavailable !== undefined) return `This server cannot run \`${chosen.name}\`: ${chosen.unavailable}`
  const foreign = Object.keys(settings.options).find((option) => !optionsOf(chosen).some(([name]) => name === option))
  if (foreign !== undefined) return `The decoder \`${chosen.name}\` has no option \`${foreign}\``
  const lost = settings.rewards.find(({ name, function: of }) => of === undefined && !rewards.includes(name))
  return lost && `This server has no reward \`${lost.name}\`; it has ${rewards.join(', ') || 'none'}`
}

/** Which settings a decoder reads. */
export type Controls = Readonly<{
  k: boolean
  weight: boolean
  temperature: boolean
  /** What a decoder that samples by itself has, unless the reader chooses another. */
  ownTemperature?: number
}>

/** The controls of a decoder; those of ARGS, as long as the server has not told its decoders. */
export function controlsOf(decoder: DecoderInfo | undefined): Controls {
  if (decoder === undefined) return { k: true, weight: true, temperature: true }
  const { kind, options } = decoder
  const known = Object.keys(options.properties ?? {})
  const own = options.properties?.temperature?.default
  return {
    k: known.includes('k'),
    weight: known.includes('weight'),
    temperature: kind !== 'search' || known.includes('temperature'),
    ...(typeof own === 'number' && { ownTemperature: own }),
  }
}

/** Options that have settings of their own. */
const settingsOfOptions = ['k', 'weight', 'temperature']

/** The further options of a decoder, with their schemas. */
export const optionsOf = (decoder: DecoderInfo | undefined): readonly (readonly [name: string, schema: OptionSchema])[] =>
  Object.entries(decoder?.options.properties ?? {}).filter(([name]) => !settingsOfOptions.includes(name))

/** An option as people read it: `blockTokens` → `Block tokens`. Letters of a formula stay as they are. */
export function labelOf(option: string): string {
  const words = option.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
  return words.length === 1 ? words : `${words[0]!.toUpperCase()}${words.slice(1)}`
}

/** A name that no reward has yet. */
export function freeName(wanted: string, rewards: readonly RewardSetting[]): string {
  const taken = new Set(rewards.map(({ name }) => name))
  let name = wanted
  for (let count = 2; taken.has(name); count++) name = `${wanted}-${count}`
  return name
}
