import type { Json, JsonObject } from './json.js'

/**
 * One turn of a conversation. All keys that are not null reach the chat template (`tool_calls`, `name`, `reasoning_content`, …).
 * `content` is text or a list of text parts.
 */
export type Message = Readonly<{ role: string; content?: string | null | readonly Json[]; [key: string]: Json | undefined }>

/** A message whose content is text. */
export type TextMessage = Message & Readonly<{ content: string }>

/** Input of a chat template beside the messages: tools as JSON schemas, and variables by name. */
export type TemplateVariables = Readonly<{
  tools?: readonly Json[]
  chatTemplateKwargs?: Readonly<Record<string, Json>> | JsonObject
}>

/** Content of a prompt: text that is tokenised as it is, or messages that each model renders with its own chat template. */
export type PromptContent = Readonly<
  { text: string; messages?: undefined } | ({ messages: readonly Message[]; text?: undefined } & TemplateVariables)
>
