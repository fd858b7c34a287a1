import * as z from 'zod'
import { messageOf, OptionError } from '../../src/core/errors.js'
import { didYouMean } from '../../src/core/nearest.js'
import { parseOptions } from '../../src/core/parseOptions.js'
import type { Overrides, Prompt } from '../../src/core/prompt.js'

const anything = z.unknown().optional()
const none = z.undefined().optional()
const anObject = z.custom<object>((value) => typeof value === 'object' && value !== null && !Array.isArray(value))
const aList = z.custom<readonly unknown[]>((value) => Array.isArray(value))
const message = z.looseObject({ role: z.string().min(1), content: z.union([z.string(), aList]).nullish() })
const conversation = z.object({
  messages: z.array(message),
  text: none,
  tools: aList.optional(),
  chatTemplateKwargs: anObject.optional(),
})
const plainText = z.object({ text: z.string(), messages: none, tools: none, chatTemplateKwargs: none })
const contentSchema = z.union([plainText, conversation])

/** Schema of the fields of a prompt. */
export const promptSchema = z.strictObject({
  id: z.string().min(1),
  place: z.string().optional().describe('text'),
  content: z
    .custom((value) => contentSchema.safeParse(value).success)
    .optional()
    .describe('{ text } or { messages }, each message with a `role`'),
  tokenIds: aList.optional().describe('a list of token ids'),
  replyTokenIds: aList.optional().describe('a list of token ids'),
  error: z.string().optional().describe('text'),
  stop: z.array(z.string().min(1)).optional().describe('a list of non-empty strings'),
  overrides: anything,
  userMessage: z.string().optional().describe('text'),
  input: anObject.optional().describe('an object with the columns to keep'),
}) satisfies z.ZodType<unknown, Partial<Record<keyof Prompt, unknown>>>

const overridesSchema = z.strictObject({
  pipeline: anything,
  weight: anything,
  k: anything,
  temperature: anything,
  seed: anything,
  maxNewTokens: anything,
  maxPromptTokens: anything,
  truncate: anything,
} satisfies Record<keyof Overrides, z.ZodType>)

/** A schema with the fields of a prompt and others. */
type Schema = z.ZodObject<typeof promptSchema.shape, z.core.$strict>

/**
 * Returns the prompt, or one with an `error` in its place: programs without types may give anything. A value without an id gets its number in
 * the source.
 */
export function checkedPrompt<T extends Prompt>(value: T, number: number, schema: Schema): T | Pick<Prompt, 'id' | 'error'>
export function checkedPrompt(value: unknown, number: number, schema?: Schema): Prompt
export function checkedPrompt(value: unknown, number: number, schema: Schema = promptSchema): Prompt {
  if (typeof value !== 'object' || value === null || !('id' in value) || typeof value.id !== 'string' || value.id === '') {
    const got = typeof value === 'object' && value !== null ? ('id' in value ? String(value.id) : 'nothing') : String(value)
    return { id: `prompt ${number}`, error: `Expected a prompt with an \`id\` that is text and not empty, got \`${got}\`` }
  }
  try {
    checkFields(value, schema)
    return value as Prompt
  } catch (error) {
    return { id: value.id, error: messageOf(error) }
  }
}

/** @throws OptionError for an unknown field, and for one of the wrong kind */
function checkFields(prompt: Readonly<{ id: unknown; content?: unknown; overrides?: unknown }>, schema: Schema): void {
  checkNames(prompt, schema, { of: 'a prompt', hint: '. Columns to keep go into `input`' })
  checkNames(prompt.content, conversation, { of: '`content`' })
  parseOptions(schema, prompt, 'prompt')
  if (prompt.overrides !== undefined) parseOptions(overridesSchema, prompt.overrides, 'overrides')
}

function checkNames(value: unknown, { shape }: z.ZodObject, { of, hint = '' }: Readonly<{ of: string; hint?: string }>): void {
  const known = Object.keys(shape)
  const unknown = anObject.safeParse(value).success ? Object.keys(Object(value)).find((key) => !known.includes(key)) : undefined
  if (unknown !== undefined)
    throw new OptionError(`Unknown field \`${unknown}\` of ${of}${didYouMean(unknown, known)}; known: ${known.join(', ')}${hint}`)
}
