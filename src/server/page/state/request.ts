import type { ServerInfo } from './serverInfo.js'
import { controlsOf, type PageSettings } from './settings.js'

/** The two replies that stand side by side. */
export const sides = ['greedy', 'guided'] as const
export type Side = (typeof sides)[number]

export type ReplyRequest = Readonly<{ path: string; body: Readonly<Record<string, unknown>> }>

/**
 * The request of one reply. The greedy one is ARGS with weight 0: it takes the likeliest token, and its rewards are there to look at.
 */
export function requestOf(
  settings: PageSettings,
  side: Side,
  server: ServerInfo,
  replyTokenIds: readonly number[],
): ReplyRequest {
  const { mode, prompt, messages, maxTokens, seed } = settings
  const { temperature, ...own } = side === 'greedy' ? greedyFields(settings) : guidedFields(settings, server)
  return {
    path: mode === 'chat' ? '/v1/chat/completions' : '/v1/completions',
    body: {
      ...(mode === 'chat' ? { messages } : { prompt }),
      ...{ max_tokens: maxTokens, seed, stream: true },
      ...(temperature !== undefined && { temperature }),
      rxargs: {
        ...own,
        ...(replyTokenIds.length > 0 && { reply_token_ids: replyTokenIds }),
        detail: 'candidates',
      },
    },
  }
}

type Fields = Readonly<{ temperature?: number } & Record<string, unknown>>

function greedyFields({ k, rewards }: PageSettings): Fields {
  if (rewards.length === 0) return { temperature: 0, decoder: 'top-k', k, rewards: [] }
  return {
    temperature: 0,
    decoder: 'args',
    k,
    weight: weightsOf(rewards.map((one) => ({ ...one, weight: 0 }))),
    rewards: named(rewards),
  }
}

function guidedFields({ decoder, k, temperature, rewards, options }: PageSettings, { decoders }: ServerInfo): Fields {
  const reads = controlsOf(decoders.find(({ name }) => name === decoder))
  return {
    // What samples by itself keeps its own temperature unless one is chosen.
    ...(reads.temperature && (temperature > 0 || reads.ownTemperature === undefined) && { temperature }),
    decoder,
    ...(Object.keys(options).length > 0 && { options }),
    ...(reads.k && { k }),
    ...(reads.weight && rewards.length > 0 && { weight: weightsOf(rewards) }),
    rewards: named(rewards),
  }
}

const weightsOf = (rewards: PageSettings['rewards']) => Object.fromEntries(rewards.map(({ name, weight }) => [name, weight]))

const named = (rewards: PageSettings['rewards']) =>
  rewards.map(({ name, function: of, options }) => (of === undefined ? name : { name, function: of, options: options ?? {} }))
