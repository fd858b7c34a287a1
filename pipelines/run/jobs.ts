import { InputError, OptionError } from '../../src/core/errors.js'
import type { TextCodec } from '../../src/core/model.js'
import type { Prompt, Prompts } from '../../src/core/prompt.js'
import type { RowsOptions } from '../../src/core/run.js'
import type { Sequence } from '../../src/core/sequence.js'
import { promptText } from '../../src/core/text/promptText.js'
import { type TextSet, textSet } from '../../src/core/text/textSet.js'
import { checkedPrompt } from './checkedPrompt.js'
import { hashPrompt } from './hashPrompt.js'

/** A row to make: a prompt with its hash, and the number of its sample. */
export type Job = Readonly<{ prompt: Prompt; promptHash: string; sample: number }>

/**
 * Makes a job for each sample of each prompt, one at a time, and skips rows that are done. A second prompt with the same id becomes an error
 * under its place in the file, or under its number in the source.
 *
 * It remembers all ids: their characters and about 20 bytes each.
 */
export async function* jobs(
  prompts: Prompts,
  { samples, done = () => false }: Readonly<{ samples: number }> & Pick<RowsOptions, 'done'>,
): AsyncGenerator<Job, void> {
  const ids = textSet()
  let number = 0
  for await (const next of prompts) {
    number++
    const own = checkedPrompt(next, number)
    const prompt = ids.has(own.id) ? duplicate(own, number, ids) : own
    ids.add(prompt.id)
    const promptHash = hashPrompt(prompt)
    for (let sample = 0; sample < samples; sample++) {
      if (!done({ id: prompt.id, sample, promptHash })) yield { prompt, promptHash, sample }
    }
  }
}

function duplicate({ id, place }: Prompt, number: number, ids: TextSet): Prompt {
  const name = place ?? `${id} (prompt ${number})`
  let free = name
  for (let n = 2; ids.has(free); n++) free = `${name} (${n})`
  return { id: free, error: `Expected each id once, got \`${id}\` again${place === undefined ? '' : ` in ${place}`}` }
}

/** What happens to a prompt that is too long: an error row, or its first tokens are dropped. */
export const truncations = ['error', 'left'] as const
export type Truncate = (typeof truncations)[number]

export type StartOptions = Readonly<{
  codec: TextCodec
  seed: number
  maxNewTokens: number
  /** Most tokens of a prompt; by default the context minus `maxNewTokens`. */
  maxPromptTokens: number | undefined
  truncate: Truncate
  contextLength: number
}>

/** A sequence before its first token, the prompt's text, and the number of dropped tokens. */
export type Start = Readonly<{ start: Sequence; text: string; truncatedTokens: number }>

/**
 * Tokenizes the prompt of a job and starts its sequence.
 *
 * With `truncate: 'left'` a prompt that is too long loses its first tokens, except those that the tokenizer adds, such as BOS. Rewards over
 * text then read the text of the remaining tokens.
 *
 * @throws InputError for a broken, empty or too long prompt, and for one that leaves no room in the context
 * @throws OptionError for the row's own limits that no prompt can meet
 * @throws TemplateError if the template refuses the messages
 */
export function startOf({ prompt, sample }: Pick<Job, 'prompt' | 'sample'>, options: StartOptions): Start {
  const { codec, seed, truncate, contextLength } = options
  checkContext(options, contextLength)
  const { id, error, replyTokenIds = [] } = prompt
  if (error !== undefined) throw new InputError(error)
  const { content, text, promptTokenIds } = tokenized(prompt, codec)
  const length = promptTokenIds.length
  if (length === 0) throw new InputError('The prompt is empty: it has no tokens')
  const started = { key: {}, promptId: id, sample, seed, tokenIds: checkedIds(replyTokenIds, codec) }
  if (truncate === 'error' && length + replyTokenIds.length >= contextLength)
    throw new InputError(
      `The prompt has ${length + replyTokenIds.length} tokens and leaves no room in the context of ${contextLength}`,
    )
  const { limit, why } = limitOf(options)
  if (length <= limit) return { text, truncatedTokens: 0, start: { ...started, prompt: content, promptTokenIds } }
  if (truncate === 'error') throw new InputError(`The prompt has ${length} tokens, the limit is ${limit}${why}`)
  const kept = keptTokens(codec, promptTokenIds, limit)
  return {
    text: kept.text,
    truncatedTokens: length - kept.tokenIds.length,
    start: { ...started, prompt: { text: kept.text }, promptTokenIds: kept.tokenIds },
  }
}

/**
 * Refuses a reply that fits into the context with no prompt, before the first prompt is read.
 *
 * @throws OptionError that names the limit and the context
 */
export function checkContext({ maxNewTokens }: Readonly<{ maxNewTokens: number }>, contextLength: number): void {
  if (maxNewTokens >= contextLength)
    throw new OptionError(
      `Expected \`maxNewTokens\` to be below the context of ${contextLength} tokens, which holds prompt and reply, got ${maxNewTokens}`,
    )
}

/** Tokenizes the content of a prompt, or reads the text of its token ids, for rewards with another tokenizer. */
function tokenized({ content, tokenIds }: Prompt, codec: TextCodec) {
  if (tokenIds !== undefined) {
    if (content) throw new InputError('Expected a prompt or its token ids, got both')
    const text = codec.decode(checkedIds(tokenIds, codec), false)
    return { content: { text }, text, promptTokenIds: tokenIds }
  }
  if (!content) throw new InputError('Expected a prompt with `content` or `tokenIds`, got neither')
  if (content.messages ? content.messages.length === 0 : content.text === '') throw new InputError('The prompt is empty')
  const text = promptText(content, codec.render)
  // A template writes its own special tokens.
  return { content, text, promptTokenIds: codec.encode(text, content.messages === undefined) }
}

function checkedIds(tokenIds: readonly number[], { vocabSize }: TextCodec): readonly number[] {
  const foreign = tokenIds.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabSize)
  if (foreign !== undefined) throw new InputError(`Expected token ids from 0 to ${vocabSize - 1}, got ${foreign}`)
  return tokenIds
}

function limitOf({ maxPromptTokens, maxNewTokens, contextLength }: StartOptions): Readonly<{ limit: number; why: string }> {
  if (maxPromptTokens !== undefined) return { limit: Math.min(maxPromptTokens, contextLength - 1), why: '' }
  return {
    limit: contextLength - maxNewTokens,
    why: `: the context of ${contextLength} minus ${maxNewTokens} new tokens`,
  }
}

/** Keeps the tokenizer's own first tokens and the last tokens of the prompt, and returns their text. An incomplete character is dropped. */
function keptTokens(codec: TextCodec, tokenIds: readonly number[], limit: number) {
  const own = codec.encode('', true)
  const different = own.findIndex((tokenId, index) => tokenId !== tokenIds[index])
  const first = different === -1 ? own.length : different
  if (limit <= first)
    throw new InputError(`The limit of ${limit} prompt tokens leaves no room after the ${first} that the tokenizer adds`)
  const last = tokenIds.slice(tokenIds.length - (limit - first))
  return { tokenIds: [...tokenIds.slice(0, first), ...last], text: codec.decode(last, false).replace(/^\uFFFD+/u, '') }
}
