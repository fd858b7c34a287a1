import type { DecoderInfo, ServerInfo } from './serverInfo.js'

export type ChatMessage = Readonly<{ role: 'system' | 'user' | 'assistant'; content: string }>

/** A reward and its weight. With `function` it is a reward function with options, otherwise one of the server's rewards. */
export type RewardSetting = Readonly<{
  name: string
  weight: number
  function?: string
  options?: Readonly<Record<string, unknown>>
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
}

export type NumberRange = Readonly<{ min?: number; max?: number; isInteger?: boolean; expected: string }>

/** What the numbers of settings may be. */
export const ranges = {
  k: { min: 1, isInteger: true, expected: 'an integer >= 1' },
  maxTokens: { min: 1, isInteger: true, expected: 'an integer >= 1' },
  seed: { min: 0, isInteger: true, expected: 'an integer >= 0' },
  temperature: { min: 0, max: 100, expected: 'a number from 0 to 100' },
} satisfies Readonly<Record<string, NumberRange>>

/** What an option of a reward function may be, if it is an integer. */
export const countRange: NumberRange = { min: 1, isInteger: true, expected: 'an integer >= 1' }

export const weightRange: NumberRange = { expected: 'a number' }

export function isWithin(
  value: number,
  { min = -Number.MAX_VALUE, max = Number.MAX_VALUE, isInteger = false }: NumberRange,
): boolean {
  return value >= min && value <= max && (!isInteger || Number.isSafeInteger(value))
}

/** A number that somebody typed: NaN for none. */
export const numberOf = (text: string): number => (text.trim() === '' ? Number.NaN : Number(text))

/** The range of k, which the server may limit. */
export const rangeOfK = (server: ServerInfo | undefined): NumberRange =>
  server ? { ...ranges.k, max: server.maxCandidates, expected: `an integer from 1 to ${server.maxCandidates}` } : ranges.k

/** The settings with the server's rewards in place of rewards that it does not have. */
export function fittedTo(settings: PageSettings, { rewards, decoders, decoder }: ServerInfo): PageSettings {
  const known = settings.rewards.filter(({ name, function: of }) => of !== undefined || rewards.includes(name))
  const served = rewards.slice(0, 1).map((name) => ({ name, weight: DEFAULT_WEIGHT }))
  return {
    ...settings,
    rewards: known.length > 0 ? known : served,
    decoder: decoders.some(({ name, unavailable }) => name === settings.decoder && unavailable === undefined)
      ? settings.decoder
      : decoder,
  }
}

/** What settings ask for that the server does not have, as a line for the reader. */
export function lackOf(settings: PageSettings, { rewards, decoders }: ServerInfo): string | undefined {
  const chosen = decoders.find(({ name }) => name === settings.decoder)
  if (chosen === undefined) return `This server has no decoder \`${settings.decoder}\``
  if (chosen.unavailable !== undefined) return `This server cannot run \`${chosen.name}\`: ${chosen.unavailable}`
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

/** A name that no reward has yet. */
export function freeName(wanted: string, rewards: readonly RewardSetting[]): string {
  const taken = new Set(rewards.map(({ name }) => name))
  let name = wanted
  for (let count = 2; taken.has(name); count++) name = `${wanted}-${count}`
  return name
}
