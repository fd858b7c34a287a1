export type Candidate = Readonly<{
  id: number
  text: string
  logit: number | null
  score: number | null
  /** By name. */
  rewards: Readonly<Record<string, number | null>>
}>

/** A token of a reply, with the candidates of its step. */
export type Token = Candidate &
  Readonly<{
    /** The whole characters that this token completes; a token may hold part of one. */
    delta: string
    candidates: readonly Candidate[]
    /** Index of the candidate that was taken. */
    chosen: number
    /** Whether the reader took it, instead of the decoder. */
    picked?: boolean
  }>

export type Reply = Readonly<{
  status: 'empty' | 'running' | 'finished' | 'stopped' | 'failed'
  tokens: readonly Token[]
  /** Why the model ended it. */
  reason?: string
  /** Rewards of prompt and whole reply, by name. */
  rewards?: Readonly<Record<string, number | null>>
  /** For a reply that failed, or whose rewards did. */
  error?: string
}>

export const emptyReply: Reply = { status: 'empty', tokens: [] }

/** A chunk of a stream, of either kind of answer. */
export type Chunk = Readonly<{
  error?: Readonly<{ message: string }>
  choices?: readonly Readonly<{
    text?: string
    delta?: Readonly<{ content?: string }>
    finish_reason?: string | null
    rxargs?: Readonly<{
      tokens?: readonly (Candidate & Readonly<{ candidates?: readonly Candidate[]; chosen?: number }>)[]
      rewards?: Readonly<Record<string, number | null>>
      error?: string
    }>
  }>[]
}>

/** The reply after one more chunk of its stream. */
export function withChunk(reply: Reply, { error, choices }: Chunk): Reply {
  if (error) return { ...reply, status: 'failed', error: error.message }
  const choice = choices?.[0]
  if (choice === undefined) return reply
  const { rxargs, finish_reason: reason } = choice
  const delta = choice.delta?.content ?? choice.text ?? ''
  const tokens = rxargs?.tokens ?? []
  const added = tokens.map((token, index): Token => {
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
export function continuedFrom({ tokens }: Reply, index: number, chosen: number): Reply {
  const token = tokens[index]
  const candidate = token?.candidates[chosen]
  if (token === undefined || candidate === undefined) throw new RangeError(`No candidate ${chosen} at token ${index}`)
  const picked = { ...candidate, delta: candidate.text, candidates: token.candidates, chosen, picked: true }
  return { status: 'running', tokens: [...tokens.slice(0, index), picked] }
}

export const textOf = ({ tokens }: Reply): string => tokens.map(({ delta }) => delta).join('')

/** Whether the reward changed the choice: the token is not the one that greedy decoding takes. */
export const isOverruled = ({ candidates, chosen, picked }: Token): boolean => candidates.length > 1 && chosen !== 0 && !picked
