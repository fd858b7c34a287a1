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

/** The settings with the server's rewards in place of rewards that it does not have. */
export function fittedTo(settings: PageSettings, { rewards, decoders, decoder }: ServerInfo): PageSettings {
  const known = settings.rewards.filter(({ name, function: of }) => of !== undefined || rewards.includes(name))
  const served = rewards.slice(0, 1).map((name) => ({ name, weight: DEFAULT_WEIGHT }))
  return {
    ...settings,
    rewards: known.length > 0 ? known : served,
    decoder: decoders.some(({ name }) => name === settings.decoder) ? settings.decoder : decoder,
  }
}

/** What settings ask for that the server does not have, as a line for the reader. */
export function lackOf(settings: PageSettings, { rewards, decoders }: ServerInfo): string | undefined {
  if (!decoders.some(({ name }) => name === settings.decoder)) return `This server has no decoder \`${settings.decoder}\``
  const lost = settings.rewards.find(({ name, function: of }) => of === undefined && !rewards.includes(name))
  return lost && `This server has no reward \`${lost.name}\`; it has ${rewards.join(', ') || 'none'}`
}

/** Which settings a decoder reads. */
export function controlsOf(decoder: DecoderInfo | undefined): Readonly<{ k: boolean; weight: boolean; temperature: boolean }> {
  const known = Object.keys(decoder?.options.properties ?? {})
  return {
    k: known.includes('k'),
    weight: known.includes('weight'),
    temperature: decoder?.kind !== 'search' || known.includes('temperature'),
  }
}

/** A name that no reward has yet. */
export function freeName(wanted: string, rewards: readonly RewardSetting[]): string {
  const taken = new Set(rewards.map(({ name }) => name))
  let name = wanted
  for (let count = 2; taken.has(name); count++) name = `${wanted}-${count}`
  return name
}
