import * as z from 'zod'

const finite = z.number()
const name = z.string().min(1).max(200)
const options = z.record(z.string(), z.unknown())

/** How much a reply tells of its tokens. */
export const details = ['none', 'tokens', 'candidates'] as const
export type Detail = (typeof details)[number]

/** Reward functions that a request can add. An ensemble combines rewards of the server, so it is the server's to name. */
export const requestFunctions = ['length', 'regex', 'words', 'json', 'repetition'] as const

const rewardFunction = z.strictObject({
  name: name.describe('name of the reward in weights and answers'),
  function: z.enum(requestFunctions).describe(`one of ${requestFunctions.join(', ')}`),
  options: options.optional().describe('options of the function, as on the command line'),
})

/** Our own fields of a request, under `rxargs`. */
export const rxargsFields = z
  .strictObject({
    decoder: name.nullish().describe("a decoder or search by name; the server's own by default"),
    steps: z
      .array(z.record(z.string(), options.nullish()))
      .min(1)
      .max(64)
      .nullish()
      .describe('a decoder as a list of operators with options, instead of `decoder`'),
    search: z
      .record(z.string(), options.nullable())
      .refine((search) => Object.keys(search).length === 1)
      .nullish()
      .describe('one search with its options, such as { bestOfN: { n: 4 } }, instead of `decoder`'),
    options: options.nullish().describe('options of the decoder or search that `decoder` names, such as { "beams": 3 } for beam'),
    k: z.int().min(1).nullish().describe('an integer >= 1: candidates per step'),
    weight: z
      .union([finite, z.record(name, finite)])
      .nullish()
      .describe('a finite number, or finite numbers by the names of rewards'),
    rewards: z
      .array(z.union([name, rewardFunction]))
      .max(16)
      .nullish()
      .describe("names of the server's rewards, or reward functions with options; all rewards of the server by default"),
    id: z.string().min(1).max(1000).nullish().describe('text: the id of the prompt, which sampling depends on'),
    reply_token_ids: z.array(z.int().min(0)).max(100_000).nullish().describe('a list of token ids that the reply begins with'),
    detail: z
      .enum(details)
      .nullish()
      .describe(`one of ${details.join(', ')}: what the reply tells of its tokens`),
  })
  .describe('an object: reward-guided decoding')

export type RxargsFields = z.output<typeof rxargsFields>
