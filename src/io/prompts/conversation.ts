import type { Message, PromptContent, TemplateVariables } from '../../core/text/conversation.js'
import { type Json, JsonNumber, JsonObject } from '../../core/text/json.js'
import type { InputRecord } from './readRecords.js'
import { formatValue, isText, Unfit, wellFormed } from './unfit.js'

/** Columns that reach the chat template beside `messages`. */
export const templateColumns = ['tools', 'chat_template_kwargs'] as const

type Values = NonNullable<InputRecord['values']>

/** Checks that a value is JSON with well-formed texts. */
function jsonOf(name: string, value: unknown): Json {
  if (value === null || value === undefined) return null
  if (typeof value === 'string') return wellFormed(name, value)
  if (typeof value === 'boolean' || typeof value === 'number' || typeof value === 'bigint' || value instanceof JsonNumber)
    return value
  if (Array.isArray(value)) return value.map((inner) => jsonOf(name, inner))
  const entries = entriesOf(value)
  if (entries === undefined) throw new Unfit(`\`${name}\` to hold what JSON has, got ${formatValue(value)}`)
  return new JsonObject(entries.map(([key, inner]) => [wellFormed(name, key), jsonOf(name, inner)]))
}

/** Keys and values of an object; undefined for anything else, such as bytes or a date. */
function entriesOf(value: unknown): [string, unknown][] | undefined {
  if (value instanceof JsonObject) return [...value]
  if (typeof value !== 'object' || value === null) return undefined
  return Object.getPrototypeOf(value) === Object.prototype ? Object.entries(value) : undefined
}

/** Refuses parts that are no text. A text model would not see them. */
function checkParts(where: string, parts: readonly unknown[]): void {
  for (const part of parts) {
    const { type, text } = Object.fromEntries(entriesOf(part) ?? []) as Partial<Record<string, unknown>>
    if (type !== 'text' || typeof text !== 'string')
      throw new Unfit(`\`content\` of ${where} to be text or a list of parts of the type \`text\`, got ${formatValue(part)}`)
  }
}

function messageOf(value: unknown, where: string): Message {
  const entries = entriesOf(value)
  if (!entries) throw new Unfit(`${where} to be an object, got ${formatValue(value)}`)
  const fields: Partial<Record<string, unknown>> = Object.fromEntries(entries)
  const { role, content = null, tool_calls: calls = null } = fields
  if (!isText(role)) throw new Unfit(`\`role\` of ${where} to be text that is not empty, got ${formatValue(role)}`)
  if (Array.isArray(content)) checkParts(where, content)
  else if (content === null) {
    // A turn may consist of calls or thoughts only.
    const others = entries.filter(([key, inner]) => key !== 'role' && key !== 'name' && inner !== null)
    if (others.length === 0) throw new Unfit(`\`content\` of ${where} to be text, got nothing`)
  } else if (typeof content !== 'string')
    throw new Unfit(`\`content\` of ${where} to be text or a list of its parts, got ${formatValue(content)}`)
  if (calls !== null && !(Array.isArray(calls) && calls.every((call) => entriesOf(call))))
    throw new Unfit(`\`tool_calls\` of ${where} to be a list of objects, got ${formatValue(calls)}`)
  const json = entries.map(([key, inner]) => [wellFormed(where, key), jsonOf(key, inner)] as const)
  return { ...Object.fromEntries(json), role: wellFormed('role', role) }
}

/** Reads the row's `tools` and `chat_template_kwargs`. */
export function templateVariables(values: Values): TemplateVariables {
  const [tools, kwargs] = templateColumns.map((name) => values[name] ?? undefined)
  if (tools !== undefined && !(Array.isArray(tools) && tools.every((tool) => entriesOf(tool))))
    throw new Unfit(`\`tools\` to be a list of JSON schemas, got ${formatValue(tools)}`)
  if (kwargs !== undefined && !entriesOf(kwargs))
    throw new Unfit(`\`chat_template_kwargs\` to be an object, got ${formatValue(kwargs)}`)
  return {
    ...(tools !== undefined && { tools: jsonOf('tools', tools) as readonly Json[] }),
    ...(kwargs !== undefined && { chatTemplateKwargs: jsonOf('chat_template_kwargs', kwargs) as JsonObject }),
  }
}

/** Reads the messages of a column and the template's other variables. */
export function conversationOf(name: string, values: Values): PromptContent {
  const value = values[name]
  if (!Array.isArray(value) || value.length === 0)
    throw new Unfit(
      `\`${name}\` to be a list of messages, each with the texts \`role\` and \`content\`, got ${formatValue(value)}`,
    )
  const messages = value.map((message, index) => messageOf(message, `message ${index + 1} of \`${name}\``))
  return { messages, ...templateVariables(values) }
}
