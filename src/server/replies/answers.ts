import type { TextCodec } from '../../core/model.js'
import type { ChoiceEvent } from './choices.js'
import type { StepLogprobs } from './modelLogits.js'

type Token = Extract<ChoiceEvent, { type: 'token' }>
type End = Extract<ChoiceEvent, { type: 'end' }>

/** What is the same in all chunks of an answer. */
export type AnswerHead = Readonly<{ id: string; created: number; model: string }>

/** How a kind of answer writes its choices. */
export type AnswerFormat = Readonly<{
  object: string
  chunkObject: string
  /** A chunk before the first token of a choice. */
  first?: (index: number) => object
  /** A choice of a chunk with a token. */
  token: (token: Token) => object
  /** A choice of a chunk that ends a reply. */
  end: (end: End) => object
  /** A choice of a whole answer. */
  whole: (tokens: readonly Token[], end: End) => object
}>

/** Our own fields of a choice's end. */
const rxargsEnd = ({ rewards, seed, error }: End) => ({ rewards, seed, ...(error !== undefined && { error }) })
const rxargsToken = ({ detail }: Token) => (detail ? { rxargs: { tokens: [detail] } } : {})
const rxargsWhole = (tokens: readonly Token[], end: End) => ({
  rxargs: { ...rxargsEnd(end), ...(tokens[0]?.detail && { tokens: tokens.flatMap(({ detail }) => detail ?? []) }) },
})
const joined = (tokens: readonly Token[]): string => tokens.map(({ text }) => text).join('')

/** Names a token in log-probabilities: as `token_id:N`, or as its text, where two tokens may look alike. */
export type TokenName = (tokenId: number) => string

export const tokenName =
  (codec: TextCodec, asIds: boolean): TokenName =>
  (id) =>
    asIds ? `token_id:${id}` : codec.decode([id], false)

/** Completions as OpenAI's API writes them. */
export function textFormat(nameOf: TokenName): AnswerFormat {
  const offsets = new Map<number, number>()
  const logprobsOf = (token: Token) => {
    const { logprobs, tokenId, index, text } = token
    if (!logprobs) return { logprobs: null }
    const offset = offsets.get(index) ?? 0
    offsets.set(index, offset + text.length)
    return {
      logprobs: {
        tokens: [nameOf(tokenId)],
        token_logprobs: [finite(logprobs.logprob)],
        top_logprobs: [topByName(logprobs, tokenId, nameOf)],
        text_offset: [offset],
      },
    }
  }
  return {
    object: 'text_completion',
    chunkObject: 'text_completion',
    token: (token) => ({
      index: token.index,
      text: token.text,
      ...logprobsOf(token),
      finish_reason: null,
      ...rxargsToken(token),
    }),
    end: (end) => ({ index: end.index, text: '', logprobs: null, finish_reason: end.reason, rxargs: rxargsEnd(end) }),
    whole: (tokens, end) => {
      const all = tokens.map((token) => logprobsOf(token).logprobs)
      const logprobs = all.some((one) => one === null)
        ? null
        : {
            tokens: all.flatMap((one) => one?.tokens ?? []),
            token_logprobs: all.flatMap((one) => one?.token_logprobs ?? []),
            top_logprobs: all.flatMap((one) => one?.top_logprobs ?? []),
            text_offset: all.flatMap((one) => one?.text_offset ?? []),
          }
      return { index: end.index, text: joined(tokens), logprobs, finish_reason: end.reason, ...rxargsWhole(tokens, end) }
    },
  }
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null)

/** The likeliest tokens and the chosen one, by name. A name that another token has already is the token's id. */
function topByName({ top, logprob }: StepLogprobs, tokenId: number, nameOf: TokenName): Readonly<Record<string, number | null>> {
  const named: Record<string, number | null> = {}
  const all = top.some(([id]) => id === tokenId) ? top : [...top, [tokenId, logprob] as const]
  for (const [id, value] of all) {
    const name = nameOf(id)
    named[Object.hasOwn(named, name) ? `token_id:${id}` : name] = finite(value)
  }
  return named
}

const bytes = new TextEncoder()

/** Chat completions as OpenAI's API writes them. */
export function chatFormat(nameOf: TokenName): AnswerFormat {
  const one = (id: number, logprob: number) => {
    const token = nameOf(id)
    return { token, logprob: finite(logprob), bytes: [...bytes.encode(token)], id }
  }
  const contentOf = ({ logprobs, tokenId }: Token) =>
    logprobs ? [{ ...one(tokenId, logprobs.logprob), top_logprobs: logprobs.top.map(([id, value]) => one(id, value)) }] : []
  return {
    object: 'chat.completion',
    chunkObject: 'chat.completion.chunk',
    first: (index) => ({ index, delta: { role: 'assistant', content: '' }, logprobs: null, finish_reason: null }),
    token: (token) => ({
      ...{ index: token.index, delta: { content: token.text } },
      logprobs: token.logprobs ? { content: contentOf(token), refusal: null } : null,
      ...{ finish_reason: null, ...rxargsToken(token) },
    }),
    end: (end) => ({ index: end.index, delta: {}, logprobs: null, finish_reason: end.reason, rxargs: rxargsEnd(end) }),
    whole: (tokens, end) => ({
      index: end.index,
      message: { role: 'assistant', content: joined(tokens), refusal: null },
      logprobs: tokens.some(({ logprobs }) => logprobs) ? { content: tokens.flatMap(contentOf), refusal: null } : null,
      ...{ finish_reason: end.reason, ...rxargsWhole(tokens, end) },
    }),
  }
}
