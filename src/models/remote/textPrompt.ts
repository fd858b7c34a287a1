import { RemoteError } from '../../core/errors.js'
import type { TextCodec } from '../../core/model.js'

/**
 * Text of token ids, special tokens as text, for a server that takes no ids.
 *
 * @param server for messages
 * @throws RemoteError where the tokenizer makes other ids of that text: a character that is cut, or another split into tokens
 */
export function textPrompt(tokenIds: readonly number[], codec: TextCodec, server: string): string {
  const text = codec.decode(tokenIds, false)
  const again = codec.encode(text, false)
  const other = tokenIds.findIndex((id, index) => again[index] !== id)
  if (other === -1 && again.length === tokenIds.length) return text
  const place = other === -1 ? tokenIds.length : other
  throw new RemoteError(
    `${server}: expected token ids that their text gives again (\`--lm-prompt text\`), got ${again[place] ?? 'no token'} for ${tokenIds[place] ?? 'no token'} at token ${place}`,
  )
}

/**
 * Holds that a server made as many tokens of a text as it was made of, where its answer says so (`usage.prompt_tokens`).
 *
 * @throws RemoteError where it did not: it adds a token of its own, or its tokenizer is another
 */
export function checkPromptTokens(answer: unknown, expected: number, server: string): void {
  const { usage } = (answer ?? {}) as { usage?: { prompt_tokens?: unknown } | null }
  const got = usage?.prompt_tokens
  if (typeof got === 'number' && got !== expected)
    throw new RemoteError(
      `${server}: expected ${expected} tokens in the prompt, got ${got}: it adds special tokens of its own, or its tokenizer is another`,
    )
}
