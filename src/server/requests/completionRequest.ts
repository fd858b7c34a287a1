import * as z from 'zod'
import { sharedFields, wellFormedText } from './fields.js'

const tokenIds = z.array(z.int().min(0)).min(1)

/** The body of POST /v1/completions. */
export const completionRequest = z.strictObject({
  ...sharedFields,
  prompt: z
    .union([wellFormedText, tokenIds, z.array(wellFormedText).min(1), z.array(tokenIds).min(1)])
    .describe('text, a list of texts, a list of token ids, or a list of such lists'),
  logprobs: z.int().min(0).nullish().describe('an integer >= 0: how many of the likeliest tokens to return'),
  echo: z.literal(false).nullish().describe('false: the prompt is not repeated'),
  best_of: z.literal(1).nullish().describe('1: name the search `best-of-n` in `rxargs.decoder` instead'),
  suffix: z.literal('').nullish().describe('nothing: text is only decoded after a prompt'),
})

export type CompletionRequest = z.output<typeof completionRequest>
