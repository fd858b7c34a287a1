import { RemoteError } from '../../core/errors.js'
import type { Logits, TextCodec } from '../../core/model.js'
import { excerpt } from './postJson.js'

type Pair = readonly [tokenId: number, logprob: number]
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null

const PREFIX = 'token_id:'

/** Without a regular expression, whose match is an object for each token. */
function isDigits(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) < 48 || text.charCodeAt(at) > 57) return false
  return text !== ''
}

export type TopLogprobs = Readonly<{ server: string; vocabSize: number; idOf: (token: string) => number }>

/**
 * Finds a token's id by its text. `token_id:123` is the id 123 (vLLM's `return_tokens_as_token_ids`). Any other text must belong to exactly one
 * token. Servers write the bytes of an incomplete character as U+FFFD or omit them, so both texts count as the token's.
 *
 * @throws RemoteError if no token or several tokens have the text
 */
export function tokenIdOf(codec: TextCodec, server: string): (token: string) => number {
  let known: Map<string, number[]> | undefined
  const all = (): Map<string, number[]> => {
    const ids = new Map<string, number[]>()
    for (let id = 0; id < codec.vocabSize; id++) {
      const text = codec.decode([id], false)
      for (const one of new Set([text, text.replaceAll('\uFFFD', '')])) ids.set(one, [...(ids.get(one) ?? []), id])
    }
    return ids
  }
  return (token) => {
    const id = token.startsWith(PREFIX) ? token.slice(PREFIX.length) : ''
    if (isDigits(id)) return Number(id)
    known ??= all()
    const ids = known.get(token) ?? []
    if (ids.length === 1) return ids[0]!
    const found = ids.length === 0 ? 'no token of the tokenizer' : `tokens ${ids.slice(0, 5).join(', ')}`
    throw new RemoteError(
      `${server}: expected token ids, or texts of one token each, got ${JSON.stringify(token)}, the text of ${found}`,
    )
  }
}

/**
 * Reads the choices of an answer in the order of its `count` prompts. Each choice's `index` says which prompt it belongs to.
 *
 * @param server for messages
 * @throws RemoteError for another number of choices, or a missing index
 */
export function choicesIn(answer: unknown, count: number, server: string): unknown[] {
  const choices = isObject(answer) && Array.isArray(answer.choices) ? (answer.choices as readonly unknown[]) : undefined
  if (!choices)
    throw new RemoteError(
      `${server}: expected \`choices[0].logprobs.top_logprobs[0]\` of one token, got \`${excerpt(JSON.stringify(answer))}\``,
    )
  if (count === 1) return [choices[0]]
  const indices = choices.map((choice) => (isObject(choice) ? choice.index : undefined))
  const ordered = Array.from({ length: count }, (_, index) => choices[indices.indexOf(index)])
  if (choices.length === count && !ordered.includes(undefined)) return ordered
  throw new RemoteError(
    `${server}: expected one choice for each of ${count} prompts, with \`index\` 0 to ${count - 1}, got ${choices.length} with ${excerpt(indices.join(', ')) || 'none'}`,
  )
}

/** Reads the top tokens at the first position: by text (OpenAI, vLLM), or as a list with ids (llama.cpp's server). */
function pairsOf(choice: unknown, idOf: TopLogprobs['idOf']): Pair[] | undefined {
  const logprobs = isObject(choice) ? choice.logprobs : undefined
  if (!isObject(logprobs)) return undefined
  const content = Array.isArray(logprobs.content) ? (logprobs.content[0] as unknown) : undefined
  const listed = isObject(content) ? content.top_logprobs : undefined
  if (Array.isArray(listed))
    return listed.map((one): Pair => [Number(one?.id ?? idOf(String(one?.token))), numberOf(one?.logprob)])
  const [first] = Array.isArray(logprobs.top_logprobs) ? (logprobs.top_logprobs as unknown[]) : []
  return isObject(first) ? Object.entries(first).map(([token, value]): Pair => [idOf(token), numberOf(value)]) : undefined
}

const numberOf = (value: unknown): number => (typeof value === 'number' ? Math.fround(value) : Number.NaN)

/**
 * Reads the top `need` tokens from a choice, best first, ties to the lower id. Log-probabilities are over the whole vocabulary.
 *
 * @throws RemoteError for fewer tokens and for any other choice; the message says server, expected and actual answer
 */
export function topLogprobs(choice: unknown, need: number, { server, vocabSize, idOf }: TopLogprobs): Logits {
  const pairs = pairsOf(choice, idOf)
  if (!pairs) {
    const got = excerpt(JSON.stringify(choice ?? []))
    throw new RemoteError(`${server}: expected \`choices[0].logprobs.top_logprobs[0]\` of one token, got \`${got}\``)
  }
  const bad = pairs.find(([id, value]) => !Number.isInteger(id) || id < 0 || id >= vocabSize || !Number.isFinite(value))
  if (bad)
    throw new RemoteError(`${server}: expected token ids below ${vocabSize} with finite logprobs, got ${bad[0]} with ${bad[1]}`)
  const best = [...new Map(pairs)].sort(([a, x], [b, y]) => y - x || a - b).slice(0, need)
  if (best.length < need)
    throw new RemoteError(`${server}: expected the top ${need} tokens, got ${best.length}. The server may limit \`logprobs\``)
  return {
    tokenIds: Int32Array.from(best, ([id]) => id),
    values: Float32Array.from(best, ([, value]) => value),
    logSumExp: 0,
  }
}
