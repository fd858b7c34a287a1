import * as z from 'zod'
import { rxargsFields } from './rxargsFields.js'

/** Text without half of a surrogate pair, which UTF-8 cannot hold. */
export const wellFormedText = z
  .string()
  .refine((value) => !/\p{Surrogate}/u.test(value), 'text without half a surrogate pair')
  .describe('text')

const jsonSchemaFormat = z.strictObject({
  type: z.literal('json_schema'),
  json_schema: z.strictObject({
    name: z.string().max(200).nullish(),
    description: z.string().nullish(),
    schema: z.record(z.string(), z.unknown()).describe('a JSON Schema'),
    strict: z.boolean().nullish(),
  }),
})

const responseFormat = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.literal('text') }),
    z.strictObject({ type: z.literal('json_object') }),
    jsonSchemaFormat,
  ])
  .describe('{"type": "text"}, {"type": "json_object"} or {"type": "json_schema", "json_schema": {…}}')

export type ResponseFormat = z.output<typeof responseFormat>

const penalty = z.number().min(-2).max(2).nullish().describe('a number from -2 to 2')

/** Fields of OpenAI's API that completions and chat completions share. */
export const sharedFields = {
  model: z.string().max(1000).nullish().describe('the name of the model; the only one by default'),
  max_tokens: z.int().min(1).nullish().describe('an integer >= 1'),
  n: z.int().min(1).nullish().describe('an integer >= 1'),
  temperature: z.number().min(0).max(100).nullish().describe('a number from 0 to 100'),
  top_p: z.number().gt(0).max(1).nullish().describe('a number above 0 and at most 1'),
  stop: z
    .union([wellFormedText.min(1), z.array(wellFormedText.min(1)).max(16)])
    .nullish()
    .describe('text that is not empty, or a list of at most 16'),
  seed: z.int().min(0).nullish().describe('an integer from 0 to 9007199254740991'),
  stream: z.boolean().nullish().describe('true or false'),
  stream_options: z.strictObject({ include_usage: z.boolean().nullish() }).nullish().describe('an object with `include_usage`'),
  logit_bias: z
    .record(
      z
        .string()
        .regex(/^\d{1,9}$/)
        .describe('token ids'),
      z.number().min(-100).max(100).describe('a number from -100 to 100'),
    )
    .nullish()
    .describe('numbers from -100 to 100 by token id'),
  frequency_penalty: penalty,
  presence_penalty: penalty,
  response_format: responseFormat.nullish(),
  user: z.string().nullish().describe('text; it changes nothing'),
  return_tokens_as_token_ids: z.boolean().nullish().describe('true or false: tokens of `logprobs` as `token_id:N`'),
  rxargs: rxargsFields.nullish(),
}

/** Fields that both kinds of requests have, as they are read. */
export type SharedRequest = z.output<z.ZodObject<typeof sharedFields>>
