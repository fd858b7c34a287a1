export type ShownCandidate = Readonly<{
  id: number
  text: string
  logit: number | null
  score: number | null
  /** By name. */
  rewards: Readonly<Record<string, number | null>>
}>

/** A token of a reply, with the candidates of its step. */
export type ShownToken = ShownCandidate &
  Readonly<{
    /** The whole characters that this token completes; a token may hold part of one. */
    delta: string
    candidates: readonly ShownCandidate[]
    /** Index of the candidate that was taken. */
    chosen: number
    /** Whether the reader took it, instead of the decoder. */
    picked?: boolean
  }>

export type ShownReply = Readonly<{
  status: 'empty' | 'running' | 'finished' | 'stopped' | 'failed'
  tokens: readonly ShownToken[]
  /** Why the model ended it. */
  reason?: string
  /** Rewards of prompt and whole reply, by name. */
  rewards?: Readonly<Record<string, number | null>>
  /** For a reply that failed, or whose rewards did. */
  error?: string
}>

export const emptyReply: ShownReply = { status: 'empty', tokens: [] }

/** A chunk of a stream, of either kind of answer. */
export type Chunk = Readonly<{
  error?: Readonly<{ message: string }>
  choices?: readonly Readonly<{
    text?: string
    delta?: Readonly<{ content?: string }>
    finish_reason?: string | null
    rxargs?: Readonly<{
      tokens?: readonly (ShownCandidate & Readonly<{ candidates?: readonly ShownCandidate[]; chosen?: number }>)[]
      rewards?: Readonly<Record<string, number | null>>
      error?: string
    }>
  }>[]
}>

/** The reply after one more chunk of its stream. */
export function withChunk(reply: ShownReply, { error, choices }: Chunk): ShownReply {
  if (error) return { ...reply, status: 'failed', error: error.message }
  const choice = choices?.[0]
  if (choice === undefined) return reply
  const { rxargs, finish_reason: reason } = choice
  const delta = choice.delta?.content ?? choice.text ?? ''
  const tokens = rxargs?.tokens ?? []
  const added = tokens.map((token, index): ShownToken => {
    const { candidates, chosen, ...own } = token
    return { ...own, delta: index === tokens.length - 1 ? delta : '', candidates: candidates ?? [own], chosen: chosen ?? 0 }
  })
  return {
    ...reply,
    tokens: [...reply.tokens, ...added],
    ...(reason && { status: reason === 'error' ? 'failed' : 'finished', reason }),
    ...(rxargs?.rewards && { rewards: rxargs.rewards }),
    ...(rxargs?.error !== undefined && { error: rxargs.error }),
  }
}

/** The beginning of a reply up to a token, with another candidate in that token's place. */
export function continuedFrom({ tokens }: ShownReply, index: number, chosen: number): ShownReply {
  const token = tokens[index]
  const candidate = token?.candidates[chosen]
  if (token === undefined || candidate === undefined) throw new RangeError(`No candidate ${chosen} at token ${index}`)
  // Text that might have become a stop string has not come yet. The tokens that hold it are part of the reply now.
  const before = tokens.slice(0, index)
  const waiting = before.slice(before.findLastIndex(hasText) + 1)
  const delta = [...waiting, candidate].map(({ text }) => text).join('')
  const picked = { ...candidate, delta, candidates: token.candidates, chosen, picked: true }
  return { status: 'running', tokens: [...before, picked] }
}

export const replySoFar = ({ tokens }: Pick<ShownReply, 'tokens'>): string => tokens.map(({ delta }) => delta).join('')

/** Whether a token brought text, or part of a character. */
const hasText = ({ delta, text }: ShownToken): boolean => delta !== '' || text.includes('\uFFFD')

/**
 * How many characters at the end of each token are not part of the reply: a stop string, or the name of the token that ends a turn. The API
 * leaves them out of its text.
 */
export function surplusOf(tokens: readonly ShownToken[]): readonly number[] {
  const reply = replySoFar({ tokens })
  if (
    !tokens
      .map(({ text }) => text)
      .join('')
      .startsWith(reply)
  ) {
    // Parts of characters have no length that counts.
    const last = tokens.findLastIndex(hasText)
    return tokens.map(({ text }, index) => (index > last ? text.length : 0))
  }
  let left = reply.length
  return tokens.map(({ text }) => {
    const part = Math.min(left, text.length)
    left -= part
    return text.length - part
  })
}

/** Whether candidates carry the reward of this name: the decoder asked for it at this step. */
export const carriesReward = ({ candidates }: Pick<ShownToken, 'candidates'>, name: string): boolean =>
  candidates.some(({ rewards }) => isNumber(rewards[name]))

/**
 * Whether the reward changed the choice: it lifted the token above the likeliest one. A sampled token with a lower score was drawn by chance,
 * and a candidate without a score was never a choice.
 */
export function isOverruled({ candidates, chosen, picked, rewards }: ShownToken): boolean {
  const [likeliest, taken] = [candidates[0], candidates[chosen]]
  if (picked || chosen === 0 || likeliest === undefined || taken === undefined) return false
  return Object.values(rewards).some(isNumber) && scoreOf(taken) > scoreOf(likeliest)
}

const isNumber = (value: number | null | undefined): value is number => typeof value === 'number'
const scoreOf = ({ score }: ShownCandidate): number => score ?? Number.NEGATIVE_INFINITY

/** Sums of 32-bit numbers differ by this much, for values of this size. */
const ROUNDING = 1e-4

/** Whether the score of each candidate is its logit + weight * reward. */
export function isWeightedSum({ candidates }: ShownToken, weights: Readonly<Record<string, number>>): boolean {
  return candidates.every(({ logit, score, rewards }) => {
    const terms = Object.entries(weights).map(([name, weight]) => weight * (rewards[name] ?? Number.NaN))
    const sum = terms.reduce((total, term) => total + term, logit ?? Number.NaN)
    // A reward that was not read, or that failed, leaves no score to explain.
    return score === null || !Number.isFinite(sum) || Math.abs(sum - score) <= ROUNDING * Math.max(1, Math.abs(score))
  })
}
