import type { PromptContent } from './text/conversation.js'

/**
 * Settings of a single row. `pipeline` is the name of a decoder or search, a spec, or a spec as YAML or JSON. `weight`, `k` and
 * `temperature` replace those of the decoder's steps or of the search. Sources pass on what they find; decoding checks it.
 */
export type Overrides = Readonly<
  Partial<Record<'pipeline' | 'weight' | 'k' | 'temperature' | 'seed' | 'maxNewTokens' | 'maxPromptTokens' | 'truncate', unknown>>
>

/** A prompt as a source gives it. A broken one carries `error` instead of content and becomes an error row. */
export type Prompt = Readonly<{
  id: string
  /** File and row number, such as `prompts.jsonl:12`. A second row with the same id gets this as its id. */
  place?: string | undefined
  content?: PromptContent | undefined
  /** Token ids of the prompt, instead of content. */
  tokenIds?: readonly number[] | undefined
  /** Token ids that the reply begins with. */
  replyTokenIds?: readonly number[] | undefined
  error?: string | undefined
  /** Stop strings of this row, besides the run's. */
  stop?: readonly string[] | undefined
  /** Settings that replace the run's. A bad one makes an error row. */
  overrides?: Overrides | undefined
  /** The user's own text, if a template was put around it. */
  userMessage?: string | undefined
  /** Columns of the input that go into the row unchanged. */
  input?: Readonly<Record<string, unknown>> | undefined
}>

/** Prompts one after the other, such as `fromFile(…)`, an async generator or a list. */
export type Prompts = AsyncIterable<Prompt> | Iterable<Prompt>
