import type { PromptContent } from './text/conversation.js'

/** A prompt and the tokens decoded so far. Immutable. `key` identifies the caches: it stays the same while a sequence grows, and a fork gets a new one. */
export type Sequence = Readonly<{
  key: object
  promptId: string
  sample: number
  seed: number
  /** The source of the token ids. A model with another vocabulary or template renders it again. */
  prompt: PromptContent
  promptTokenIds: readonly number[]
  /** Decoded tokens, without the prompt's. */
  tokenIds: readonly number[]
}>

/** Whether token ids begin with those of `start`. */
export function beginsWith(tokenIds: readonly number[], start: readonly number[]): boolean {
  if (start.length > tokenIds.length) return false
  for (let i = 0; i < start.length; i++) if (start[i] !== tokenIds[i]) return false
  return true
}
