import { InputError } from '../../src/core/errors.js'
import type { TextCodec } from '../../src/core/model.js'
import type { Sequence } from '../../src/core/sequence.js'
import type { Job } from './jobs.js'

export type StartOptions = Readonly<{ codec: TextCodec; seed: number; maxPromptTokens: number; contextLength: number }>

/**
 * The sequence of a job before its first token, and the prompt's text.
 *
 * @throws InputError for a broken, an empty and a too long prompt, and for one that leaves no room in the context
 * @throws TemplateError when the template refuses the messages
 */
export function startOf({ prompt, sample }: Job, options: StartOptions): Readonly<{ start: Sequence; text: string }> {
  const { codec, seed, maxPromptTokens, contextLength } = options
  const { id, content, error } = prompt
  if (error !== undefined || !content) throw new InputError(error ?? 'Expected a prompt, got nothing')
  if (content.messages ? content.messages.length === 0 : content.text === '') throw new InputError('The prompt is empty')

  const text = content.messages ? codec.render(content.messages) : content.text
  // A template writes its special tokens itself.
  const promptTokenIds = codec.encode(text, content.messages === undefined)
  const length = promptTokenIds.length
  if (length === 0) throw new InputError('The prompt is empty: it has no tokens')
  if (length > maxPromptTokens) throw new InputError(`The prompt has ${length} tokens, the limit is ${maxPromptTokens}`)
  if (length >= contextLength)
    throw new InputError(`The prompt has ${length} tokens and leaves no room in the context of ${contextLength}`)
  return { text, start: { key: {}, promptId: id, sample, seed, prompt: content, promptTokenIds, tokenIds: [] } }
}
