import type { Json, JsonObject } from './json.js'

/**
 * One turn of a conversation. All keys reach the chat template (`tool_calls`, `name`, `reasoning_content`, …), but those that are null.
 * `content`: text, or a list of parts of text.
 */
export type Message = Readonly<{ role: string; content?: string | null | readonly Json[]; [key: string]: Json | undefined }>

/** A message that is text alone. */
export type TextMessage = Message & Readonly<{ content: string }>

/** What a chat template sees beside the messages: tools as JSON schemas, and variables by name. */
export type TemplateVariables = Readonly<{
  tools?: readonly Json[]
  chatTemplateKwargs?: Readonly<Record<string, Json>> | JsonObject
}>

/** What a prompt says: text that is tokenised as it stands, or messages that each model renders with its own chat template. */
export type PromptContent = Readonly<
  { text: string; messages?: undefined } | ({ messages: readonly Message[]; text?: undefined } & TemplateVariables)
>
