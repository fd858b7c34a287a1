import type { PromptContent } from './text/conversation.js'

/**
 * What a row sets for itself. `pipeline`: a decoder's or a search's name, a spec, or one as YAML or JSON; `weight`, `k`, `temperature`:
 * of the steps that state them, or of the search. Sources hand on what they found: it is checked when the row is decoded.
 */
export type Overrides = Readonly<
  Partial<Record<'pipeline' | 'weight' | 'k' | 'temperature' | 'seed' | 'maxNewTokens' | 'maxPromptTokens' | 'truncate', unknown>>
>

/** A prompt as a source gives it. A broken one carries `error` instead of content and becomes an error row. */
export type Prompt = Readonly<{
  id: string
  /** File and row number, such as `prompts.jsonl:12`: what a second row of the same id is called. */
  place?: string
  content?: PromptContent
  error?: string
  /** Stop strings of this row, besides the run's. */
  stop?: readonly string[]
  /** What this row sets in place of the run's; a bad one makes it an error row. */
  overrides?: Overrides
  /** What the user wrote, of a text that a template was put around. */
  userMessage?: string
  /** Columns of the input that go into the row unchanged, where asked. */
  input?: Readonly<Record<string, unknown>>
}>
