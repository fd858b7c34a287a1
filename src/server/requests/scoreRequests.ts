import * as z from 'zod'
import { wellFormedText } from './fields.js'

const texts = z.union([wellFormedText, z.array(wellFormedText).min(1)]).describe('text, or a list of texts')
const model = z.string().max(1000).nullish().describe("the name of a reward; the server's first by default")

/** The body of POST /classify, in vLLM's shape. */
export const classifyRequest = z.strictObject({
  model,
  input: texts,
  use_activation: z.boolean().nullish().describe('true or false: whether the reward goes through a sigmoid (default: true)'),
  user: z.string().nullish().describe('text; it changes nothing'),
})

/** The body of POST /v1/score: prompts and completions, one with many or pair by pair. */
export const scoreRequest = z.strictObject({
  model,
  text_1: texts.describe('the prompt, or a list of prompts'),
  text_2: texts.describe('the completion, or a list of completions'),
  user: z.string().nullish().describe('text; it changes nothing'),
})
