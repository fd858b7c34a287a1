import * as z from 'zod'

const count = z.int().min(0)

/** An answer about one pair, or why there is none. `key`: a 64-bit hash of the question; `first`: the run whose reply came first. */
export const answerSchema = z.object({
  id: z.string(),
  key: z.string(),
  first: z.enum(['a', 'b']),
  calls: count,
  tokens: count,
  a: z.number().optional(),
  b: z.number().optional(),
  answer: z.string().optional(),
  error: z.string().optional(),
})
export type JudgeAnswer = Readonly<z.output<typeof answerSchema>>
