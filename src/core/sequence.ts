import type { PromptContent } from './text/conversation.js'

/** One sequence at one moment: a prompt and the tokens decoded so far. Immutable; `key` stays the same while a sequence grows (caches hang on it), a fork gets a new one. */
export type Sequence = Readonly<{
  key: object
  promptId: string
  sample: number
  seed: number
  /** What the token ids were made of: a model with another vocabulary or template renders it anew. */
  prompt: PromptContent
  promptTokenIds: readonly number[]
  /** Decoded tokens, without the prompt's. */
  tokenIds: readonly number[]
}>
