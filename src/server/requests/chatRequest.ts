import * as z from 'zod'
import { sharedFields, wellFormedText } from './fields.js'

const textPart = z.strictObject({ type: z.literal('text'), text: wellFormedText })

const message = z
  .strictObject({
    role: wellFormedText.min(1).max(64).describe('a role, such as user'),
    content: z.union([wellFormedText, z.array(textPart).min(1)]).describe('text or a list of text parts'),
    name: wellFormedText.nullish().describe('text'),
  })
  .describe('an object with `role` and `content`')

/** The body of POST /v1/chat/completions. */
export const chatRequest = z.strictObject({
  ...sharedFields,
  messages: z.array(message).min(1).describe('a list of messages that is not empty'),
  max_completion_tokens: z.int().min(1).nullish().describe('an integer >= 1'),
  logprobs: z.boolean().nullish().describe('true or false'),
  top_logprobs: z.int().min(0).nullish().describe('an integer >= 0'),
  chat_template_kwargs: z.record(z.string(), z.unknown()).nullish().describe('variables of the chat template'),
  store: z.literal(false).nullish().describe('false: nothing is stored'),
  modalities: z
    .tuple([z.literal('text')])
    .nullish()
    .describe('["text"]'),
  tools: z.array(z.never()).nullish().describe('an empty list: tools are not supported'),
  tool_choice: z.literal('none').nullish().describe('"none": tools are not supported'),
  service_tier: z.enum(['auto', 'default']).nullish().describe('auto or default'),
})

export type ChatRequest = z.output<typeof chatRequest>
